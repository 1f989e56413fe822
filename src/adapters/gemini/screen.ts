import type { Composer, ComposerProbe, Look } from "../tmux/index.ts";

/** What the screen of a Gemini CLI session says (0.61.0, with its dynamic window title, which is the default). */
export type GeminiScreen =
  /** The composer waits for a prompt; `isYolo` by its sign. */
  | { state: "idle"; text: string; isEmpty: boolean; line: number; isYolo: boolean }
  | { state: "working" }
  /** A tool call waits for its user. */
  | { state: "asks" }
  | { state: "limit"; text: string }
  | { state: "trust" }
  | { state: "unknown"; why: string };

/** It is painted a moment after the title says that a turn is over. */
const NO_COMPOSER = "no composer is on its screen";
const PLACEHOLDER = "  Type your message or @path/to/file";
const TOP = /^▄+$/;
const BOTTOM = /^▀+$/;
/** The composer stands under a rule and a line with the mode; older prompts have the same box, but not these. */
const RULE = /^─{10,}$/;
const FOOTER_LINES_MAX = 4;
/** The chosen line of a dialog's list; some dialogs ("A potential loop was detected") have the title Ready. */
const CHOICE = /^[ │]*● \d+\. /;
const LIMIT_DIALOG = /Usage limit reached for [^\n]*/;
const TRUST_DIALOG = "Do you trust the files in this folder?";

export function readScreen({ title, lines }: Pick<Look, "title" | "lines">): GeminiScreen {
  // These two have misleading titles.
  if (lines.some((line) => line.includes(TRUST_DIALOG))) return { state: "trust" };
  const limit = lines.map((line) => line.match(LIMIT_DIALOG)?.[0]).find(Boolean);
  const composer = findComposer(lines);
  if (limit && !composer) return { state: "limit", text: limit.replace(/[│\s]+$/, "") };
  if (title.includes("Action Required") || (!composer && lines.some((line) => CHOICE.test(line))))
    return { state: "asks" };
  if (title.includes("Working")) return { state: "working" };
  if (!title.includes("Ready")) return { state: "unknown", why: "its window title does not say what it does" };
  if (!composer) return { state: "unknown", why: NO_COMPOSER };
  if (composer.sign === "!") return { state: "unknown", why: "its composer is in shell mode" };
  const { text, line, sign } = composer;
  return { state: "idle", text, isEmpty: text === PLACEHOLDER, line, isYolo: sign === "*" };
}

/** The last box on the screen, if it is the composer's, with nothing but the footer below it. */
function findComposer(lines: readonly string[]): { sign: string; text: string; line: number } | undefined {
  const bottom = lines.findLastIndex((line) => BOTTOM.test(line));
  const top = lines.slice(0, Math.max(0, bottom)).findLastIndex((line) => TOP.test(line));
  if (top < 2 || !RULE.test(lines[top - 2] ?? "")) return undefined;
  const footer = lines.slice(bottom + 1).filter((line) => line !== "");
  if (footer.length > FOOTER_LINES_MAX || footer.some((line) => /[│╭╰]/.test(line))) return undefined;
  const inside = lines.slice(top + 1, bottom);
  const sign = inside[0]?.match(/^ ([>*!])(?: |$)/)?.[1];
  if (sign === undefined) return undefined;
  return { sign, text: inside.map((line) => line.slice(3)).join("\n"), line: bottom - 1 };
}

export const geminiProbe: ComposerProbe = {
  read(look): Composer {
    const screen = readScreen(look);
    switch (screen.state) {
      case "idle":
        return screen.isEmpty
          ? { state: "empty", line: screen.line }
          : { state: "holds", text: screen.text, line: screen.line };
      case "working":
        return { state: "none", why: "it works on a turn", passes: true };
      case "asks":
        return { state: "none", why: "it waits for its user's decision", passes: false };
      case "limit":
        return { state: "none", why: "it has reached its usage limit", passes: false };
      case "trust":
        return { state: "none", why: "it asks whether to trust its folder", passes: false };
      case "unknown":
        return { state: "none", why: screen.why, passes: screen.why === NO_COMPOSER };
      default:
        return screen satisfies never;
    }
  },
};
