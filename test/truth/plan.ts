import type { Urgency } from "../../src/protocol/index.ts";
import { type Random, seeded } from "../faults/random.ts";
import { wordAt } from "./model.ts";

/** One message of a cell: what it is, and when it is sent within its staging. */
export interface Planned {
  word: string;
  kind: "ask" | "notify";
  urgency: Urgency;
  /** While the condition lasts, or at the moment in which it ends. */
  moment: "within" | "leaving";
  /** Share of the condition's length, or of a second, that passes before. */
  after: number;
}

export interface CellPlan {
  random: Random;
  /** Messages in groups: each group meets the condition once. */
  stagings: Planned[][];
}

const PER_STAGING_MAX = 5;

/** The same seed, cell and number of messages give the same plan; how a real CLI falls into it is its own. */
export function planOf(seed: number, cell: string, messages: number): CellPlan {
  const own = [...cell].reduce((hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) | 0, seed) >>> 0;
  const random = seeded(own);
  const stagings: Planned[][] = [];
  for (let left = messages; left > 0; ) {
    const size = Math.min(left, PER_STAGING_MAX);
    const from = messages - left;
    stagings.push(Array.from({ length: size }, (_, at) => message(random, wordAt(own, from + at))));
    left -= size;
  }
  return { random, stagings };
}

function message(random: Random, word: string): Planned {
  const kind = random.chance(0.6) ? "ask" : "notify";
  const urgency = random.pick<Urgency>(kind === "ask" ? ["normal", "normal", "urgent"] : ["normal", "urgent", "fyi"]);
  return {
    word,
    kind,
    urgency,
    moment: random.chance(0.75) ? "within" : "leaving",
    after: random.int(1_000) / 1_000,
  };
}
