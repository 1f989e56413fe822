import type { Level, Finding as Told } from "../../protocol/index.ts";

export type { Level };

export interface Finding extends Told {
  /** What `repowire doctor --fix` does about it. Only what harms nothing and can be done again. */
  fix?: { what: string; run(): void | Promise<void> };
}

export const ok = (part: string, found: string): Finding => ({ part, level: "ok", found });
export const warn = (part: string, found: string, next: string): Finding => ({ part, level: "warn", found, next });
export const bad = (part: string, found: string, next: string): Finding => ({ part, level: "bad", found, next });
