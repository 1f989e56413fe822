import { createHash } from "node:crypto";
import { type AskRecord, type Context, withdrawAsk } from "../core/index.ts";
import type { MessageId, PeerId } from "../protocol/index.ts";

/** Where the time of a UUIDv7 ends; what follows is random, or here a hash. */
const TIME_LENGTH = "msg_00000000-0000-".length;

/**
 * The id of the ask to `askee` that the call with the id `call` makes: always the same, so that the call may be repeated, and nothing
 * need be stored of it. As sortable by time as the call's own id.
 */
export function idForAskee(call: MessageId, askee: PeerId): MessageId {
  const hash = createHash("sha256").update(`${call} ${askee}`).digest("hex");
  return `${call.slice(0, TIME_LENGTH)}7${hash.slice(0, 3)}-8${hash.slice(3, 6)}-${hash.slice(6, 18)}`;
}

/** An interrupted call takes its questions back: its one, or those to several peers. */
export function withdrawCall(ctx: Context, asker: PeerId, call: MessageId): void {
  for (const ask of asksOfCall(ctx, asker, call)) withdrawAsk(ctx, ask);
}

function asksOfCall(ctx: Context, asker: PeerId, call: MessageId): AskRecord[] {
  return ctx.tx.asks
    .openFrom(asker)
    .filter((ask) => ask.message === call || ask.message === idForAskee(call, ask.askee));
}
