import { LIMITS, type MessageId, type PeerId } from "../protocol/index.ts";
import { asNew, closeAsk, failAsk } from "./asks.ts";
import { type Context, emit, stir } from "./context.ts";
import type { Activity } from "./live.ts";
import { enter, see } from "./mailbox.ts";
import type { AskRecord, DeliveryRecord, PeerRecord, TurnInput } from "./ports.ts";
import { setPresence } from "./registry.ts";
import { requeue } from "./retry.ts";
import { settlePending } from "./waiting.ts";

/** What happens in a session: turns, what went into them, how they ended, and what that says about open questions. */

/** What the session is doing, as its runtime tells; presence follows it. */
export function noteActivity(ctx: Context, peerId: PeerId, state: Activity["state"], detail?: string): void {
  const peer = ctx.tx.peers.get(peerId);
  if (!peer || peer.presence.state === "offline") return;
  if (ctx.live.activity(peerId).state !== state) {
    ctx.live.setActivity(ctx.tx, peerId, { state, since_awake: ctx.now.awake });
    stir(ctx, peerId);
  }
  if (peer.presence.state === "limited" && state === "idle") return;
  if (state === "unknown") return;
  setPresence(ctx, peerId, { state: state === "idle" ? "online" : state, detail });
}

/** Something entered the conversation: our own frame, or anything else. `at` (epoch ms): when, where that is told late. */
export function noteTurnInput(
  ctx: Context,
  peerId: PeerId,
  input: TurnInput,
  by: string,
  at: number = ctx.now.wall,
): void {
  const peer = ctx.tx.peers.get(peerId);
  if (!peer) return;
  const turn = peer.turn ?? { started_at: at, inputs: [] };
  const known =
    input.type === "delivery" &&
    turn.inputs.some((other) => other.type === "delivery" && other.message === input.message);
  if (!known) ctx.tx.peers.put({ ...peer, turn: { ...turn, inputs: [...turn.inputs, input].slice(-64) } });
  if (input.type !== "delivery") return;
  const delivery = ctx.tx.deliveries.get(input.message, peerId);
  if (delivery) enter(ctx, delivery, by);
}

/** The model produced output after these entered its conversation. */
export function noteSeen(ctx: Context, peer: PeerId, message: MessageId, by: string): void {
  const delivery = ctx.tx.deliveries.get(message, peer);
  if (delivery) see(ctx, delivery, by);
}

export interface TurnEnd {
  outcome: "done" | "interrupted" | "model_error" | "limited";
  /** The last text of the turn. */
  text?: string;
  /** The runtime's own words for an error. */
  error?: string;
  /** Epoch ms until which a usage limit lasts, where the runtime says it. */
  limitedUntil?: number;
  /** What the turn began with and took in, as the transcript tells; what hooks reported is added. */
  inputs?: TurnInput[];
  /** The turn already goes on because of a reminder. */
  wasContinued: boolean;
  /** Whether the caller can make the turn go on with a reminder. */
  canRemind: boolean;
  /** Epoch ms at which it ended, where that is told late: what came after it is no part of it. */
  at?: number;
}

/** Ends the turn and judges its questions. Returns the ask to remind the model of, if any. */
export function endTurn(ctx: Context, peerId: PeerId, end: TurnEnd): AskRecord | undefined {
  const peer = ctx.tx.peers.get(peerId);
  if (!peer) return undefined;
  // The turn that runs began after the one that this is about.
  if (end.at !== undefined && (peer.turn?.started_at ?? 0) > end.at) return undefined;
  const inputs = allInputs(end.inputs, peer.turn?.inputs);
  const reminded = judgeQuestions(ctx, peer, inputs, end);
  const latest = ctx.tx.peers.get(peerId) ?? peer;
  if (reminded) return reminded;
  ctx.tx.peers.put({ ...latest, turn: undefined });
  if (end.outcome === "limited") noteLimited(ctx, peerId, end.limitedUntil, end.error);
  else {
    if (latest.presence.state === "limited" && end.outcome === "done") setPresence(ctx, peerId, { state: "online" });
    noteActivity(ctx, peerId, "idle");
  }
  stir(ctx, peerId);
  return undefined;
}

/** What either source knows: hooks and transcript each may be late, and what only one of them saw was there all the same. */
function allInputs(fromTranscript: TurnInput[] | undefined, fromHooks: TurnInput[] | undefined): TurnInput[] {
  const all = [...(fromTranscript ?? [])];
  for (const input of fromHooks ?? []) {
    const isKnown = all.some(
      (other) =>
        other.type === input.type &&
        (input.type !== "delivery" || (other.type === "delivery" && other.message === input.message)),
    );
    if (!isKnown) all.push(input);
  }
  return all;
}

function judgeQuestions(ctx: Context, peer: PeerRecord, inputs: TurnInput[], end: TurnEnd): AskRecord | undefined {
  const { at = Number.POSITIVE_INFINITY } = end;
  const inHand = questionsInHand(ctx, peer.id).filter(({ delivery }) => (delivery.presented_at ?? 0) <= at);
  const ofTurn = inHand.filter(({ ask }) =>
    inputs.some((input) => input.type === "delivery" && input.message === ask.message),
  );
  switch (end.outcome) {
    case "interrupted":
      for (const { ask } of ofTurn)
        failAsk(ctx, ask, "interrupted", `${peer.name} was interrupted by its user before it answered.`);
      return undefined;
    case "model_error":
      for (const { ask } of ofTurn)
        failAsk(
          ctx,
          ask,
          "model_error",
          `${peer.name}'s model failed before it answered: ${end.error ?? "no details"}.`,
        );
      return undefined;
    case "limited":
      for (const { ask, delivery } of ofTurn) {
        ctx.tx.asks.put(asNew(ask));
        requeue(ctx, delivery, "used up by a usage limit; repeated after its reset");
      }
      return undefined;
    case "done":
      return judgeDone(ctx, peer, inputs, inHand, end);
    default:
      return end.outcome satisfies never;
  }
}

interface InHand {
  ask: AskRecord;
  delivery: DeliveryRecord;
}

/** Open questions that are known to be in the session's conversation. */
function questionsInHand(ctx: Context, peer: PeerId): InHand[] {
  return ctx.tx.asks.openTo(peer).flatMap((ask) => {
    const delivery = ctx.tx.deliveries.get(ask.message, peer);
    if (!delivery) return [];
    const entered = delivery.state === "seen" || (delivery.state === "presented" && delivery.entered_at !== undefined);
    return entered ? [{ ask, delivery }] : [];
  });
}

/**
 * A turn ended well. Its last text is taken as the answer only when the question was the turn's sole input, no other is open and
 * the session has not itself asked somebody since (then it waits for that answer, rightly). Text of a turn that its user began or
 * joined belongs to the user. Otherwise the asker is told and the model is reminded, once: of one question, and looks at all that it
 * left open. So a question that was overlooked beside anything else is never captured afterwards.
 */
function judgeDone(
  ctx: Context,
  peer: PeerRecord,
  inputs: TurnInput[],
  inHand: InHand[],
  end: TurnEnd,
): AskRecord | undefined {
  const only = inHand.length === 1 ? inHand[0] : undefined;
  const soleInput = inputs.length === 1 && inputs[0]?.type === "delivery" && inputs[0].message === only?.ask.message;
  const text = end.text?.trim();
  if (only && soleInput && text && !only.ask.overlooked_beside && !asksSince(ctx, peer.id, only)) {
    see(ctx, only.delivery, "turn end");
    closeAsk(ctx, only.ask, "answered", { by: "captured", text });
    return undefined;
  }
  let remind: AskRecord | undefined;
  for (const item of inHand) {
    if (asksSince(ctx, peer.id, item)) continue;
    const { ask } = item;
    if (ask.overlooked_at !== undefined) {
      if (end.wasContinued && ask.reminded) {
        failAsk(
          ctx,
          ask,
          "no_answer",
          `${peer.name} saw the question and ended its turn without an answer, also after a reminder.`,
        );
      }
      continue;
    }
    const next: AskRecord = {
      ...ask,
      overlooked_at: ctx.now.wall,
      overlooked_beside: !soleInput,
      reminded: end.canRemind && remind === undefined,
    };
    ctx.tx.asks.put(next);
    emit(ctx, {
      type: "ask.overlooked",
      peer: peer.id,
      message: ask.message,
      data: { handle: ask.handle, reminded: next.reminded },
    });
    settlePending(ctx, next);
    if (next.reminded) remind = next;
  }
  return remind;
}

/** The session made a question of its own, still open, after this one entered it. */
function asksSince(ctx: Context, peer: PeerId, { delivery }: InHand): boolean {
  const from = delivery.entered_at ?? delivery.presented_at ?? 0;
  return ctx.tx.asks.openFrom(peer).some((own) => own.opened_at >= from);
}

/**
 * A usage limit: a push would be used up, so everything waits for the reset (`until`, epoch ms, where the runtime says it), and waiting
 * askers hear of it now.
 */
export function noteLimited(ctx: Context, peer: PeerId, until: number | undefined, detail: string | undefined): void {
  // A report that comes late (spooled by a hook, say) does not bring a session back that is gone.
  if (ctx.tx.peers.get(peer)?.presence.state === "offline") return;
  setPresence(ctx, peer, { state: "limited", detail, until: until ?? ctx.now.wall + LIMITS.limitedPauseMs });
  ctx.live.setActivity(ctx.tx, peer, { state: "idle", since_awake: ctx.now.awake });
  for (const ask of ctx.tx.asks.openTo(peer)) settlePending(ctx, ask);
}

/** The exact answer of the turn that took a question in, where a runtime ties turns to ids. A reply given before stands. */
export function answerByTurn(ctx: Context, peer: PeerId, message: MessageId, text: string): void {
  const ask = openAskTo(ctx, peer, message);
  const delivery = ctx.tx.deliveries.get(message, peer);
  if (!ask || !delivery) return;
  see(ctx, delivery, "turn");
  closeAsk(ctx, ask, "answered", { by: "turn", text });
}

/** The question of this message, if it was asked of this peer and is still open. */
export function openAskTo(ctx: Context, peer: PeerId, message: MessageId): AskRecord | undefined {
  const ask = ctx.tx.asks.get(message);
  return ask?.askee === peer && ask.state === "open" ? ask : undefined;
}

/** Whether a limit is over; then the session is tried again. */
export function liftLimits(ctx: Context): void {
  for (const peer of ctx.tx.peers.all()) {
    if (peer.presence.state === "limited" && (peer.presence.until ?? 0) <= ctx.now.wall)
      setPresence(ctx, peer.id, { state: "online" });
  }
}
