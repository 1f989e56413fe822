import type { EventType, MeshEvent } from "../protocol/index.ts";
import type { Context } from "./context.ts";
import { excerpt } from "./envelope.ts";
import { GATE_PREFIX, isOurHold } from "./gate.ts";
import { isQuiet } from "./inbound.ts";
import { MISMATCH_WORDS } from "./reconcile.ts";

/** Something that goes on only when a person has done something. Its texts are others', as they were given. */
export interface PersonWait {
  /**
   * `permission`: a tool call; `session`: a dialog that only its own terminal shows; `question`: an ask, or an urgent line, to the
   * person; `held`: a message at a gate; `guard`: paused messages; `mismatch`: a delivery that its session's record does not show.
   */
  kind: "permission" | "session" | "question" | "held" | "guard" | "mismatch";
  /** What the command line knows it by: a handle, a pause's id, a peer's name. */
  id: string;
  /** Whose work stands still. */
  peer: string;
  text: string;
  /** Since when, epoch ms. */
  since: number;
}

const READERS: Partial<Record<EventType, (ctx: Context, event: MeshEvent) => PersonWait | undefined>> = {
  "approval.requested": permission,
  "peer.presence": session,
  "delivery.queued": question,
  "delivery.held": held,
  "guard.paused": paused,
  "truth.mismatch": mismatch,
};

/** Whether an event of this type can have anything waiting: most cannot, and need no look at the store. */
export const mayWait = ({ type }: MeshEvent): boolean => READERS[type] !== undefined;

/**
 * What this event has waiting on a person, as things are now: nothing, once it is decided. So the same question asked again some
 * seconds later tells whether it still waits.
 */
export function personWait(ctx: Context, event: MeshEvent): PersonWait | undefined {
  return READERS[event.type]?.(ctx, event);
}

function permission(ctx: Context, { message, at }: MeshEvent): PersonWait | undefined {
  const approval = message ? ctx.tx.approvals.get(message) : undefined;
  if (approval?.state !== "pending") return undefined;
  const { handle, peer_name: peer, tool, description, preview } = approval;
  return { kind: "permission", id: handle, peer, text: `${tool}: ${excerpt(description ?? preview)}`, since: at };
}

/** A permission request that is relayed says more than that its session waits. */
function session(ctx: Context, event: MeshEvent): PersonWait | undefined {
  const peer = event.peer ? ctx.tx.peers.get(event.peer) : undefined;
  if (event.data.state !== "waiting" || peer?.presence.state !== "waiting") return undefined;
  if (ctx.tx.approvals.pending(peer.id).length > 0) return undefined;
  const text = `waits in its own terminal: ${peer.presence.detail ?? "for its person"}`;
  return { kind: "session", id: peer.name, peer: peer.name, text, since: peer.presence.since };
}

function question(ctx: Context, { message: id, peer: to, at }: MeshEvent): PersonWait | undefined {
  const message = id ? ctx.tx.messages.get(id) : undefined;
  const person = to ? ctx.tx.peers.get(to) : undefined;
  if (!message || person?.role !== "human") return undefined;
  const delivery = ctx.tx.deliveries.get(message.id, person.id);
  const isOpen =
    message.kind === "ask"
      ? ctx.tx.asks.get(message.id)?.state === "open"
      : message.kind === "notify" && message.urgency === "urgent" && delivery?.state === "queued";
  if (!isOpen || !delivery) return undefined;
  return { kind: "question", id: delivery.handle, peer: message.from_name, text: excerpt(message.body), since: at };
}

/** Quiet ends by itself: what it holds waits on nobody. */
function held(ctx: Context, { message: id, peer: to, at }: MeshEvent): PersonWait | undefined {
  const delivery = id && to ? ctx.tx.deliveries.get(id, to) : undefined;
  const peer = to ? ctx.tx.peers.get(to) : undefined;
  if (delivery?.state !== "held" || !peer || !isOurHold(delivery) || isQuiet(ctx, peer)) return undefined;
  const from = ctx.tx.peers.get(delivery.from)?.name ?? "a peer that left";
  const why = (delivery.reason ?? "").slice(GATE_PREFIX.length).split("; fix:")[0] ?? "";
  const text = `${delivery.kind} from ${from} is held: ${excerpt(why)}`;
  return { kind: "held", id: delivery.handle, peer: peer.name, text, since: at };
}

function paused(ctx: Context, { data, at }: MeshEvent): PersonWait | undefined {
  const pause = ctx.tx.shelves.pause.get(String(data.id));
  if (!pause || pause.resumed_at !== undefined) return undefined;
  const names = pause.peers.map((peer) => ctx.tx.peers.get(peer)?.name ?? "a peer that left").join(", ");
  return { kind: "guard", id: pause.id, peer: names, text: `messages are paused: ${pause.reason}`, since: at };
}

/** One that was made up for needs nobody. */
function mismatch(ctx: Context, { message, peer: to, at }: MeshEvent): PersonWait | undefined {
  const found = ctx.tx.shelves.mismatch.all().find((record) => record.message === message && record.peer === to);
  const peer = to ? ctx.tx.peers.get(to) : undefined;
  if (found?.kind !== "claimed" || !peer) return undefined;
  return { kind: "mismatch", id: found.handle, peer: peer.name, text: MISMATCH_WORDS[found.kind], since: at };
}
