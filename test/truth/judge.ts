import type { AgentRuntime, OperationOutput } from "../../src/protocol/index.ts";
import type { TranscriptEntry } from "../agents/driver.ts";
import { framesIn } from "./frames.ts";

/** One message that was accepted, and what the ledger and the others who know say of it. */
export interface Claim {
  /** The unique word of its body. */
  word: string;
  /** The text of the answer on record. */
  answer?: string;
  /**
   * The CLI was killed, and the model's service says that the model was given this message and called the reply tool. A log that was
   * cut off then proves nothing against an answer by that tool, and nothing else.
   */
  isCutOff?: boolean;
  trace: Pick<OperationOutput<"trace">, "message" | "id" | "kind" | "ask" | "deliveries">;
}

/**
 * `claimed`: the ledger says seen or answered, and the transcript does not show it read. `hidden`: the transcript shows it read, the
 * ledger does not say so. `doubled`: it stands there more often than the ledger admits attempts. `broken`: its body entered outside
 * of its frame, or inside another's. `mistaken`: the answer on record is another question's.
 */
export const LIES = ["claimed", "hidden", "doubled", "broken", "mistaken"] as const;
export type Lie = (typeof LIES)[number];

export interface Verdict {
  isRead: boolean;
  /** Answered by the reply tool of a CLI that was killed before it wrote that down. */
  isUnlogged: boolean;
  lies: Lie[];
  /** Exact frames at their structural place. */
  shown: number;
}

/** Holds one message's record against the recipient's own transcript, oldest entry first. */
export function judge(
  runtime: AgentRuntime,
  transcript: readonly TranscriptEntry[],
  { word, answer, isCutOff, trace }: Claim,
): Verdict {
  const [delivery] = trace.deliveries;
  if (!delivery) throw new Error(`${trace.id} has no delivery`);
  const sought = { message: trace.message, handle: delivery.handle };
  const places = transcript.map((entry) => framesIn(runtime, entry, sought));
  const first = places.findIndex((frames) => frames > 0);
  const isRead = first >= 0 && transcript.slice(first + 1).some((entry) => entry.from === "model");
  const shown = places.reduce((sum, frames) => sum + frames, 0);
  const bodies = transcript.filter(
    (entry, at) => entry.from === "input" && places[at] === 0 && entry.text.includes(word),
  ).length;
  const isClaimed = delivery.state === "seen" || trace.ask?.state === "answered" || trace.ask?.state === "declined";
  const lies: Lie[] = [];
  const isUnlogged = !isRead && isCutOff === true && trace.ask?.by === "reply" && answer?.includes(word) === true;
  if (isClaimed && !isRead && !isUnlogged) lies.push("claimed");
  if (isRead && delivery.state !== "seen") lies.push("hidden");
  if (shown > delivery.attempt) lies.push("doubled");
  if (bodies > 0) lies.push("broken");
  if (trace.ask?.state === "answered" && answer !== undefined && !answer.includes(word)) lies.push("mistaken");
  return { isRead, isUnlogged, lies, shown };
}
