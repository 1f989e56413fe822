import { askOutcome, endWait, openAsk, resolvePeer, seatOf } from "../core/index.ts";
import { type AskOutcome, LIMITS, type MessageId, type Runtime } from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";
import type { Wait } from "./waits.ts";

/** Runtimes that end or move away a tool call that takes too long; people and scripts may wait as long as they like. */
const UNBOUNDED: readonly Runtime[] = ["terminal", "script", "memory"];

export function askHandler(deps: OperationDeps): Handler<"ask"> {
  return async ({ caller, params, options }) => {
    const asked = params.wait_seconds === undefined ? LIMITS.waitMsDefault : params.wait_seconds * 1000;
    const wait = asked > 0 ? deps.waits.open(deps.ids.secret(), options.onProgress) : undefined;
    try {
      const opened = await deps.engine.run((ctx) => {
        const asker = seatOf(ctx, caller);
        const { ask, outcome } = openAsk(ctx, {
          asker,
          askee: resolvePeer(ctx, asker, params.peer),
          question: params.question,
          urgency: params.urgency ?? "normal",
          message: params.message,
          traceparent: params.traceparent,
          wait: wait && { id: wait.id, canTakeQuestion: true },
        });
        return { message: ask.message, outcome, waitMs: boundedWait(asker.runtime, asked) };
      });
      if (opened.outcome.state !== "pending") return opened.outcome;
      if (!wait) return withoutNews(opened.outcome, currentOutcome(deps, opened.message));
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
 * For a call that did not wait: what was decided after it, in the same batch, went to the asker as a message of its own. The result
 * must not bring that a second time.
 */
function withoutNews(decided: AskOutcome, now: AskOutcome): AskOutcome {
  return "answer" in now && now.answer ? decided : now;
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
  return deps.engine.run((ctx) => endWait(ctx, wait.id, message));
}

function isHopeless(outcome: AskOutcome): boolean {
  if (outcome.state !== "pending") return false;
  const { presence, delivery } = outcome.recipient;
  return presence.state === "offline" || presence.state === "limited" || delivery === "held";
}
