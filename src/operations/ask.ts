import { askOutcome, endWait, leaseAsResult, openAsk, resolvePeer, seatOf } from "../core/index.ts";
import { type AskOutcome, LIMITS, type MessageId, RepowireError, type Runtime } from "../protocol/index.ts";
import { runSending } from "./guarded.ts";
import type { Handler, OperationDeps } from "./types.ts";
import type { Wait } from "./waits.ts";

/** Runtimes that end or move away a tool call that takes too long; people and scripts may wait as long as they like. */
const UNBOUNDED: readonly Runtime[] = ["terminal", "script", "memory"];

const END_AGAIN_MS = 1_000;

export function askHandler(deps: OperationDeps): Handler<"ask"> {
  return async ({ caller, params, options }) => {
    const asked = params.wait_seconds === undefined ? LIMITS.waitMsDefault : params.wait_seconds * 1000;
    const wait = asked > 0 ? deps.waits.open(deps.ids.secret(), options.onProgress) : undefined;
    try {
      const opened = await runSending(deps, caller.peer, (ctx) => {
        const asker = seatOf(ctx, caller);
        const { ask, outcome } = openAsk(ctx, {
          asker,
          askee: resolvePeer(ctx, asker, params.peer),
          question: params.question,
          urgency: params.urgency ?? "normal",
          message: params.message,
          traceparent: params.traceparent,
          attachments: params.attachments,
          wait: wait && { id: wait.id, canTakeQuestion: true },
        });
        return { message: ask.message, outcome, waitMs: boundedWait(asker.runtime, asked) };
      });
      if (opened.outcome.state !== "pending") return opened.outcome;
      if (!wait) return takeOver(deps, opened.outcome, opened.message);
      return await waitFor(deps, wait, opened.message, opened.waitMs, options.signal);
    } finally {
      wait?.close();
    }
  };
}

export function boundedWait(runtime: Runtime, ms: number): number {
  return UNBOUNDED.includes(runtime) ? ms : Math.min(ms, LIMITS.waitMsMax);
}

/** How the ask stands after its mail was routed. */
export function currentOutcome(deps: OperationDeps, message: MessageId): AskOutcome {
  return deps.engine.read((ctx) => {
    const ask = ctx.tx.asks.get(message);
    if (!ask) throw new Error(`no ask ${message}`);
    return askOutcome(ctx, ask);
  });
}

/**
 * For a call that did not wait. An answer that came in its own batch travels in this result where nothing has taken it yet; one that
 * is on its way as a message of its own must not come a second time.
 */
export async function takeOver(deps: OperationDeps, decided: AskOutcome, message: MessageId): Promise<AskOutcome> {
  const outcome = currentOutcome(deps, message);
  if (!("answer" in outcome && outcome.answer)) return outcome;
  return deps.engine.run((ctx) => {
    const ask = ctx.tx.asks.get(message);
    const isTaken = ask?.answer !== undefined && leaseAsResult(ctx, ask.answer, ask.asker) !== undefined;
    return ask && isTaken ? askOutcome(ctx, ask) : decided;
  });
}

/** Waits, but not for what cannot come: a recipient that is offline, limited or held back is told at once. */
export async function waitFor(
  deps: OperationDeps,
  wait: Wait,
  message: MessageId,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<AskOutcome> {
  if (wait.settled) return wait.settled;
  const isFutile = isHopeless(currentOutcome(deps, message));
  const outcome = isFutile ? "timeout" : await wait.outcome(deps.clock, ms, signal);
  if (outcome !== "timeout" && outcome !== "aborted") return outcome;
  return endByItself(deps, wait.id, message);
}

/**
 * While the disk takes nothing the caller is told the truth all the same, and the wait is taken out of the graph as soon as that can
 * be stored: left there, it would close loops that do not exist.
 */
async function endByItself(deps: OperationDeps, wait: string, message: MessageId): Promise<AskOutcome> {
  try {
    return await deps.engine.run((ctx) => endWait(ctx, wait, message));
  } catch (error) {
    if (!(error instanceof RepowireError) || !error.retryable) throw error;
    deps.clock.after(END_AGAIN_MS, () => {
      endByItself(deps, wait, message).catch(() => {
        // The question was purged meanwhile; with it went whatever could wait for it.
      });
    });
    return currentOutcome(deps, message);
  }
}

function isHopeless(outcome: AskOutcome): boolean {
  if (outcome.state !== "pending") return false;
  const { presence, delivery } = outcome.recipient;
  return presence.state === "offline" || presence.state === "limited" || delivery === "held";
}
