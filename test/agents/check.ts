/** What a scene found, as lines that a reader can follow and a runner can count. */
export interface Checker {
  check(claim: string, holds: boolean, evidence?: unknown): void;
  note(text: string): void;
}

export interface Tally {
  passed: number;
  failed: number;
  notes: string[];
}

export function createChecker(tally: Tally, print: (line: string) => void): Checker {
  return {
    check(claim, holds, evidence) {
      if (holds) tally.passed++;
      else tally.failed++;
      const shown = holds || evidence === undefined ? "" : `\n      ${JSON.stringify(evidence)?.slice(0, 2_000)}`;
      print(`${holds ? "(pass)" : "(fail)"} ${claim}${shown}`);
    },
    note(text) {
      tally.notes.push(text);
      print(`       ${text}`);
    },
  };
}
