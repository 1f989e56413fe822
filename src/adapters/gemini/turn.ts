import type { GeminiFact, GeminiInput } from "./transcript.ts";

/** The turn that the newest prompt began, as far as the transcript has it. */
export interface GeminiTurn {
  input: GeminiInput;
  /** When its prompt was written, epoch ms. */
  at: number;
  /** The newest text of the model in it; texts before tool calls are older ones. */
  text: string;
  hasOutput: boolean;
  calls: number;
  error?: { text: string; isLimit: boolean };
  isCancelled: boolean;
}

export function beginTurn(fact: Extract<GeminiFact, { type: "input" }>): GeminiTurn {
  return { input: fact.input, at: fact.at, text: "", hasOutput: false, calls: 0, isCancelled: false };
}

/** The turn with one more fact of it. */
export function goOn(turn: GeminiTurn, fact: Exclude<GeminiFact, { type: "input" }>): GeminiTurn {
  switch (fact.type) {
    case "output":
      // A message comes again with its tool calls; what follows them is the next one. An empty text belongs to calls alone.
      return { ...turn, hasOutput: true, text: fact.text, calls: fact.calls };
    case "error":
      return { ...turn, error: { text: fact.text, isLimit: fact.isLimit } };
    case "files":
      return turn;
    case "cancelled":
      return { ...turn, isCancelled: true };
    default:
      return fact satisfies never;
  }
}

/** How a turn ended, and with which text. */
export type GeminiEnd =
  | { outcome: "answer"; text: string }
  | { outcome: "interrupted" }
  | { outcome: "model_error" | "limited"; error: string };

/**
 * Judges a turn that is over. `isFinished`: the CLI said so by its hook, or the next prompt came; otherwise only the screen shows that
 * nothing runs any more, and a turn without a final text was cut off.
 */
export function judgeTurn(turn: GeminiTurn, isFinished: boolean): GeminiEnd {
  if (turn.isCancelled) return { outcome: "interrupted" };
  if (turn.error) return { outcome: turn.error.isLimit ? "limited" : "model_error", error: turn.error.text };
  if (turn.text.trim() !== "" && turn.calls === 0) return { outcome: "answer", text: turn.text };
  return isFinished ? { outcome: "model_error", error: "the turn ended without a text" } : { outcome: "interrupted" };
}
