import { stripVTControlCharacters } from "node:util";

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

/** Control characters but for line feed and tab; invisible ones that could hide a tag from the pattern, or reorder a text for its reader. */
const CONTROL = /(?![\n\t])\p{Cc}/gu;
const INVISIBLE = /(?![\u200d\ufe0f])[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu;
/** Joiner and selector, which emoji need, are kept, except where they could split a tag's name; a row of them goes as one. */
const JOINER_IN_TAG = /(?<=[<[a-z_/\\-])[\u200d\ufe0f]+|[\u200d\ufe0f]+(?=[\w/\\-])/gi;
const FRAME_TAG = new RegExp(`<(?=[\\s/\\\\]*(?:${FRAME_NAMES.join("|")})\\b)`, "gi");
const REPOWIRE_TAG = /\[(?=\s*repowire\b)/gi;
/**
 * Lines of ours that stand beside a text and are no tag: notes that cite a handle ("k7q2x is from …"), heads of a list of mail, the line
 * of a session's start. One in a text is marked, so that it begins as none of ours does.
 */
const OWN_LINE =
  /^([ \t]*\(?)(?=[a-z0-9]{5} (?:is from\b|\((?:ask|notify|broadcast|answer|permission)\b)|(?:open questions to you|your open questions):|repowire: )/gim;

export function cleanText(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\r\n?/g, "\n")
    .replace(CONTROL, "")
    .replace(INVISIBLE, "")
    .replace(JOINER_IN_TAG, "")
    .replace(FRAME_TAG, "‹")
    .replace(REPOWIRE_TAG, "(")
    .replace(OWN_LINE, "$1‹");
}

/** For a name, a reason, a headline: one line, and nothing that a terminal would act on. */
export function cleanLine(text: string): string {
  return cleanText(text).replace(/\s+/g, " ").trim();
}
