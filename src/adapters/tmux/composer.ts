import type { Look } from "./look.ts";

/**
 * What a look says of the program's composer, judged by the adapter that knows the program: screens differ, the care does not.
 * `line` is the number of the screen's line that holds the composer's (last) text, from the top.
 */
export type Composer =
  /** Provably idle, with nothing typed. */
  | { state: "empty"; line: number }
  /** Idle, with text in it: exactly this one. */
  | { state: "holds"; text: string; line: number }
  /** No composer that takes a prompt: a dialog, a running turn, anything unknown. `passes` when that ends without a person. */
  | { state: "none"; why: string; passes: boolean };

/** How one runtime's composer is recognised. */
export interface ComposerProbe {
  read(look: Look): Composer;
}
