import type { OperationOutput } from "../../../src/protocol/index.ts";
import type { AgentSession, TranscriptEntry } from "../driver.ts";
import type { World } from "../world.ts";

/**
 * Holds what the ledger claims of one question against the recipient's own transcript. It knows the question by a word that stands
 * nowhere else, and nothing of how the product finds its proofs.
 */
export interface Verdict {
  /** Contradictions, in words; none means that the ledger told the truth. */
  lies: string[];
  /** How often the question stands in the conversation. */
  shown: number;
  trace: OperationOutput<"trace">;
}

/** A transcript is written a moment after things happen, and the ledger follows it a moment later. */
const SETTLE_MS = 8_000;

/** Looks until ledger and transcript agree, or the time to settle is over; then what still differs is a lie. */
export async function judge(
  world: Pick<World, "trace">,
  session: AgentSession,
  ask: string,
  word: string,
): Promise<Verdict> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const verdict = compare(await world.trace(ask), session.transcript(), word);
    if (verdict.lies.length === 0 || Date.now() > deadline) return verdict;
    await Bun.sleep(200);
  }
}

export function compare(
  trace: OperationOutput<"trace">,
  transcript: readonly TranscriptEntry[],
  word: string,
): Verdict {
  const lies: string[] = [];
  const places = transcript.flatMap((entry, at) =>
    entry.from !== "model" && entry.text.includes(word) ? [{ entry, at }] : [],
  );
  const first = places[0]?.at;
  const wasRead = first !== undefined && transcript.slice(first + 1).some((entry) => entry.from === "model");
  const [delivery] = trace.deliveries;
  const hasSeen = trace.steps.some((step) => step.state === "seen");
  if (hasSeen && first === undefined) lies.push("the ledger says seen, the transcript does not hold the question");
  if (hasSeen && first !== undefined && !wasRead)
    lies.push("the ledger says seen, the model said nothing after the question");
  if (wasRead && !hasSeen) lies.push("the model went on after the question, the ledger does not say seen");
  if (delivery?.attempt === 0 && first !== undefined)
    lies.push("the ledger never handed it over, the transcript holds it");
  // A frame of ours that the person's own text stands around would be one message made of two.
  const copies = places.filter(({ entry }) => entry.from === "input").length;
  if (copies > Math.max(1, delivery?.attempt ?? 0))
    lies.push(`handed over ${delivery?.attempt} times, shown ${copies} times`);
  return { lies, shown: copies, trace };
}
