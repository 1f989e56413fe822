/**
 * Makes a peer's text safe to stand inside a frame. A CLI escapes attribute values and (some) closing tags, but passes an opening
 * tag on as it is (Claude Code 2.1.330), so whatever could open or close a frame of any runtime is defused here: the `<` in front of
 * such a name becomes `‹`, the bracket of a `[repowire …]` tag becomes `(`. Everything else, code above all, stays as written.
 */
const FRAME_NAMES = [
  "channel",
  "cross-session-message",
  "system-reminder",
  "system",
  "task-notification",
  "teammate-message",
  "user-prompt-submit-hook",
  "user_query",
  "local-command-stdout",
  "command-name",
  "command-message",
  "command-args",
  "bash-input",
  "bash-stdout",
  "bash-stderr",
  "function_calls",
  "function_results",
  "environment_context",
  "user_instructions",
  "antml",
];

/** Characters that are invisible or reorder text could hide a tag from the pattern, or a text from its reader. */
// biome-ignore lint/suspicious/noMisleadingCharacterClass: each of these is meant by itself
const INVISIBLE = /[\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
const CONTROL =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const FRAME_TAG = new RegExp(`<(?=[\\s/\\\\]*(?:${FRAME_NAMES.join("|")})\\b)`, "gi");
const REPOWIRE_TAG = /\[(?=\s*repowire\b)/gi;

export function cleanText(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(CONTROL, "")
    .replace(INVISIBLE, "")
    .replace(FRAME_TAG, "‹")
    .replace(REPOWIRE_TAG, "(");
}

/** For a name, a reason, a headline: one line, and nothing that a terminal would act on. */
export function cleanLine(text: string): string {
  return cleanText(text).replace(/\s+/g, " ").trim();
}
