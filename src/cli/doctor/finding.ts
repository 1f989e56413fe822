/** How a part is: as it should be, could be better, or keeps something from working. */
export type Level = "ok" | "warn" | "bad";

export interface Finding {
  /** The part that was looked at. */
  part: string;
  level: Level;
  /** What was seen, in one sentence. */
  found: string;
  /** The one thing to do about it; absent where all is well. */
  next?: string;
  /** What `--fix` does about it. Only what harms nothing and can be done again. */
  fix?: { what: string; run(): void | Promise<void> };
}

export const ok = (part: string, found: string): Finding => ({ part, level: "ok", found });
export const warn = (part: string, found: string, next: string): Finding => ({ part, level: "warn", found, next });
export const bad = (part: string, found: string, next: string): Finding => ({ part, level: "bad", found, next });
