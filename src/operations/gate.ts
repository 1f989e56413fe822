import {
  type DeliveryRecord,
  excerpt,
  heldDeliveries,
  isOurHold,
  mustGet,
  publicPeer,
  refuseHeld,
  release,
  resolvePeer,
  seatOf,
  setCircleInbound,
  setQuiet,
} from "../core/index.ts";
import { LIMITS, RepowireError } from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** A person's gate before their sessions: for a circle, for a while, and for single messages. */

export function circleInboundHandler(deps: OperationDeps): Handler<"circle_inbound"> {
  return ({ caller, params: { circle, policy } }) =>
    deps.engine.run((ctx) => {
      const members = setCircleInbound(ctx, circle, policy, caller.chain);
      return { circle, policy, members: members.map(({ name }) => name) };
    });
}

export function quietHandler(deps: OperationDeps): Handler<"quiet"> {
  return ({ caller, params }) =>
    deps.engine.run((ctx) => {
      const peer = resolvePeer(ctx, seatOf(ctx, caller), params.peer);
      const { quiet_until: until } = setQuiet(ctx, peer, params.seconds * 1_000, caller.chain);
      const waiting = ctx.tx.deliveries.count(peer.id, ["queued", "held"]);
      return { peer: publicPeer(ctx, mustGet(ctx, peer.id)), until, waiting };
    });
}

/** The oldest first: whoever decides, decides in order. */
export function heldHandler(deps: OperationDeps): Handler<"held"> {
  return async () =>
    deps.engine.read((ctx) => {
      const nameOf = (id: string) => ctx.tx.peers.get(id)?.name ?? "a peer that is gone";
      const all = heldDeliveries(ctx);
      const shown = all.slice(0, LIMITS.findPageMax);
      return {
        held: shown.map((delivery) => {
          const body = ctx.tx.messages.get(delivery.message)?.body ?? "";
          const text = body.slice(0, LIMITS.findTextCharsMax).toWellFormed();
          return {
            id: delivery.handle,
            message: delivery.message,
            kind: delivery.kind,
            from: nameOf(delivery.from),
            to: nameOf(delivery.peer),
            to_id: delivery.peer,
            excerpt: excerpt(body),
            text,
            rest_chars: body.length - text.length,
            queued_at: delivery.queued_at,
            reason: delivery.reason ?? "",
            can_decide: isOurHold(delivery),
          };
        }),
        more: all.length - shown.length,
      };
    });
}

export function decideHeldHandler(deps: OperationDeps): Handler<"decide_held"> {
  return ({ caller, params }) =>
    deps.engine.run((ctx) => {
      const delivery = ctx.tx.deliveries.byHandle(params.id);
      if (!delivery)
        throw new RepowireError(
          "not_found",
          `No message with the id ${params.id} is held. \`repowire held\` lists them.`,
        );
      const recipient = mustGet(ctx, delivery.peer);
      if (delivery.state !== "held")
        throw new RepowireError("already_decided", isHeldNoLonger(delivery, recipient.name));
      const { state } =
        params.verdict === "release"
          ? release(ctx, delivery, caller.chain ?? "a person")
          : refuseHeld(ctx, delivery, recipient, params.reason);
      return { id: delivery.handle, to: recipient.name, state };
    });
}

/** Whoever comes second reads what became of it. */
function isHeldNoLonger({ handle, state, reason, released_by: by }: DeliveryRecord, to: string): string {
  const through = by ? `, let through by ${by}` : "";
  const why = state === "refused" && reason ? ` (${reason})` : "";
  return `${handle} is not held: for ${to} it is ${state}${why}${through}. \`repowire trace ${handle}\` shows how it came to that.`;
}
