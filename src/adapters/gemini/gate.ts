import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ParseError, parse } from "jsonc-parser";
import { soleTag, tagsIn } from "../../words/index.ts";

/**
 * The gate: a prompt with a tag of ours goes on only as that tag alone, for a message that waits for this very session. It is what
 * makes pasting safe against a person who types at the same moment; without it nothing is pasted.
 */
export type GateVerdict =
  | { type: "user" }
  | { type: "tag"; handle: string }
  | { type: "deny"; why: "mixed" | "notWaiting" | "held"; handle: string };

/** How a handle stands to this session: waiting to be taken, held back by its gate, once its own, or never. */
export type HandleState = "waiting" | "held" | "past" | "foreign";

export function judgePrompt(prompt: string, stateOf: (handle: string) => HandleState): GateVerdict {
  const sole = soleTag(prompt);
  if (sole !== undefined) {
    const state = stateOf(sole);
    if (state === "waiting") return { type: "tag", handle: sole };
    return { type: "deny", why: state === "held" ? "held" : "notWaiting", handle: sole };
  }
  // A text about tags, of handles that were never this session's, is its user's own.
  const ours = tagsIn(prompt).find((handle) => stateOf(handle) !== "foreign");
  return ours === undefined ? { type: "user" } : { type: "deny", why: "mixed", handle: ours };
}

const GATE_COMMAND = /repowire-hook["']? gemini BeforeAgent|hook\.js["']? gemini BeforeAgent/;

/** Whether the settings of a session have our BeforeAgent hook, and nothing there turns it off. Unreadable settings prove nothing. */
export function hasGate(configDir: string): boolean {
  let text: string;
  try {
    text = readFileSync(join(configDir, "settings.json"), "utf8");
  } catch {
    return false;
  }
  const errors: ParseError[] = [];
  const settings: unknown = parse(text, errors, { allowTrailingComma: true });
  if (errors.length > 0) return false;
  if (field(field(settings, "hooksConfig"), "enabled") === false) return false;
  const disabled = field(field(settings, "hooksConfig"), "disabled");
  const off = Array.isArray(disabled) ? disabled : [];
  const groups = field(field(settings, "hooks"), "BeforeAgent");
  return (Array.isArray(groups) ? groups : [])
    .flatMap((group: unknown) => {
      const hooks = field(group, "hooks");
      return Array.isArray(hooks) ? hooks : [];
    })
    .some((hook: unknown) => {
      const command = field(hook, "command");
      const isOff = off.some((name) => name === command || name === field(hook, "name"));
      return typeof command === "string" && GATE_COMMAND.test(command) && !isOff;
    });
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
