import {
  acceptMessage,
  type Context,
  chainOf,
  type DeliveryRecord,
  enter,
  expireAsk,
  failAsk,
  leaseTo,
  move,
  openAsk,
  type PeerRecord,
  present,
  replyToAsk,
  reportProgress,
  requeue,
  see,
  withdrawAsk,
} from "../core/index.ts";
import {
  AnsweredBy,
  DeliveryState,
  type ExportedMessage,
  FailReason,
  LIMITS,
  type MeshEvent,
  type MessageId,
  type PeerId,
  Rung,
} from "../protocol/index.ts";
import type { Journey } from "./journey.ts";
import type { ReplayMesh } from "./mesh.ts";

/** What must have happened for core to write that event; undefined where the event is not core's answer to anything replayed. */
export type Command = (ctx: Context) => void;

export function commandFor(event: MeshEvent, journey: Journey, mesh: ReplayMesh): Command | undefined {
  const [subject, what] = event.type.split(".");
  if (event.type === "message.accepted") return acceptCommand(event, journey, mesh);
  if (subject === "delivery") return deliveryCommand(event, DeliveryState.safeParse(what).data);
  if (subject === "ask") return askCommand(event, journey, mesh);
  return undefined;
}

function acceptCommand(event: MeshEvent, journey: Journey, mesh: ReplayMesh): Command {
  const message = journey.message(event.message);
  return (ctx) => {
    const from = senderOf(ctx, message, mesh);
    const recipients = journey.recipientsOf(message.id).map(mesh.peer);
    const text = mesh.bodyOf(message);
    const shared = {
      attachments: message.attachments.map(({ id }) => id),
      urgency: message.urgency,
      traceparent: message.traceparent,
    };
    const [only] = recipients;
    if (message.kind === "ask" && only) {
      openAsk(ctx, { ...shared, asker: from, askee: only, question: text, message: message.id });
      return;
    }
    if (message.kind === "answer" && message.in_reply_to && journey.ask(message.in_reply_to))
      throw new Error("core accepts no answer here: nothing ends its question");
    const isSentByPeer = message.kind === "notify" || message.kind === "broadcast";
    const chain = isSentByPeer && !message.in_reply_to ? chainOf(ctx, from) : message;
    acceptMessage(ctx, {
      ...shared,
      id: message.id,
      kind: message.kind,
      from,
      to: recipients,
      circle: message.to.startsWith("circle:") ? message.to.slice("circle:".length) : undefined,
      body: text,
      in_reply_to: message.in_reply_to,
      thread: chain.thread,
      hops: chain.hops,
      checkout: message.checkout,
      expiryMs: LIMITS.notifyExpiryMs,
    });
  };
}

/**
 * The sender as it was then, in the turn that it was in: turns are not recorded, but what a message continues is, and that must have
 * been brought to its sender before.
 */
function senderOf(ctx: Context, message: ExportedMessage, mesh: ReplayMesh): PeerRecord {
  const { from_name: name, from_circle: circle, from_role: role } = message;
  const sender = { ...mesh.peer(message.from), name, circle, role };
  const cause = ctx.tx.messages
    .ofThread(message.thread)
    .filter(({ hops, id }) => hops === message.hops - 1 && wasBrought(ctx.tx.deliveries.get(id, message.from)))
    .at(-1);
  if (!cause) return sender;
  return { ...sender, turn: { started_at: 0, inputs: [{ type: "delivery", message: cause.id }] } };
}

const wasBrought = (delivery: DeliveryRecord | undefined): boolean =>
  delivery !== undefined && (delivery.attempt > 0 || delivery.state === "seen" || delivery.state === "presented");

function deliveryCommand(event: MeshEvent, state: DeliveryState | undefined): Command | undefined {
  const { message, peer } = event;
  if (message === undefined || peer === undefined) return undefined;
  const { rung, by, why, reason } = event.data;
  return (ctx) => {
    const delivery = deliveryOf(ctx, message, peer);
    if (event.type === "delivery.entered") enter(ctx, delivery, String(by));
    else if (state === "leased") leaseTo(ctx, delivery, Rung.parse(rung), "replay");
    else if (state === "presented") present(ctx, delivery, Rung.parse(rung));
    else if (state === "seen") see(ctx, delivery, String(by));
    else if (state === "queued" && typeof why === "string") requeue(ctx, delivery, why);
    else if (delivery.kind === "ask" && (state === "cancelled" || state === "expired"))
      endOfQuestion(ctx, delivery, state);
    else if (state) move(ctx, delivery, state, typeof reason === "string" ? { reason } : {});
  };
}

/**
 * A question's delivery ends with its ask, by itself: what is recorded of that is a consequence or nothing. Only a hand-over that was
 * under way then may end later, when its transport gives it back.
 */
function endOfQuestion(ctx: Context, delivery: DeliveryRecord, state: "cancelled" | "expired"): void {
  if (state === "cancelled" && (delivery.state === "leased" || delivery.state === "presented"))
    requeue(ctx, delivery, "given back");
  else throw new Error(`core does not end ${delivery.handle} as ${state} when its question ends`);
}

function deliveryOf(ctx: Context, message: MessageId, peer: PeerId): DeliveryRecord {
  const delivery = ctx.tx.deliveries.get(message, peer);
  if (!delivery) throw new Error(`${message} was never sent to ${peer}`);
  return delivery;
}

function askCommand(event: MeshEvent, journey: Journey, mesh: ReplayMesh): Command | undefined {
  const { message } = event;
  if (message === undefined) return undefined;
  const answer = () => {
    const found = journey.nextAnswerTo(message);
    if (!found) throw new Error("its answer is not in the file");
    return found;
  };
  return (ctx) => {
    const ask = ctx.tx.asks.get(message);
    if (!ask) throw new Error(`${message} is no question`);
    switch (event.type) {
      case "ask.answered":
      case "ask.declined": {
        const message = answer();
        const { id, checkout, traceparent } = message;
        const text = mesh.bodyOf(message);
        const attachments = message.attachments.map((file) => file.id);
        const outcome = event.type === "ask.answered" ? "answer" : "decline";
        const by = AnsweredBy.catch("reply").parse(event.data.by);
        replyToAsk(ctx, { ask, text, outcome, by, checkout, traceparent, attachments, message: id });
        return;
      }
      case "ask.failed":
        failAsk(ctx, ask, FailReason.parse(event.data.reason), mesh.bodyOf(answer()));
        return;
      case "ask.expired":
        expireAsk(ctx, ask);
        return;
      case "ask.cancelled":
      case "ask.abandoned":
        withdrawAsk(ctx, ask);
        return;
      case "ask.progress":
        reportProgress(ctx, ask, journey.ask(message)?.progress ?? "");
        return;
      default:
        // A turn's end that overlooked it: turns are not recorded, and nothing follows from it here.
        return;
    }
  };
}
