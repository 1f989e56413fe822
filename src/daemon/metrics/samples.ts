import { LIMITS, type Sample } from "../../protocol/index.ts";

/** What goes up for as long as the daemon lives; of two readings the difference is what happened between them. */
export interface Totals {
  accepted: number;
  refused: number;
  commits: number;
  commit_seconds: number;
}

export interface SamplerParts {
  totals(): Promise<Totals>;
  levels(): Pick<Sample, "open_asks" | "waiting_calls" | "links" | "memory_bytes">;
}

export interface Sampler {
  take(at: number): Promise<void>;
  /** The newest last. */
  all(): Sample[];
}

/** Keeps how busy the daemon was in the last stretches of time, so that a page which is opened now can show the hour before. */
export function createSampler({ totals, levels }: SamplerParts): Sampler {
  const kept: Sample[] = [];
  let before: Totals = { accepted: 0, refused: 0, commits: 0, commit_seconds: 0 };
  return {
    async take(at) {
      const now = await totals();
      const commits = now.commits - before.commits;
      kept.push({
        at,
        accepted: now.accepted - before.accepted,
        refused: now.refused - before.refused,
        ...(commits > 0 ? { commit_ms: ((now.commit_seconds - before.commit_seconds) / commits) * 1_000 } : {}),
        ...levels(),
      });
      before = now;
      if (kept.length > LIMITS.samplesMax) kept.shift();
    },
    all: () => [...kept],
  };
}
