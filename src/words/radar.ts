import { cleanLine } from "./clean.ts";
import { duration } from "./numbers.ts";

/** What a session reads when another one writes the same file, or when an answer it has got may be out of date. */

const PATH_CHARS_MAX = 120;

/** A path within a checkout; of a long one the end, which tells more. */
export function shownPath(path: string): string {
  const line = cleanLine(path);
  return line.length > PATH_CHARS_MAX ? `…${line.slice(1 - PATH_CHARS_MAX)}` : line;
}

export const collisionForSecond = (first: string, file: string, agoMs: number): string =>
  `radar: ${cleanLine(first)} began to write ${shownPath(file)} ${duration(agoMs)} ago, in this same checkout. Read it again before you write; where your changes meet, agree with ${cleanLine(first)} first.`;

export const collisionForFirst = (second: string, file: string): string =>
  `radar: ${cleanLine(second)} now writes ${shownPath(file)}, too, in this same checkout. Read it again before your next change to it.`;

/** What of one answer is not as it was. `root` is the checkout; paths are shown from there. */
interface StaleWords {
  handle: string;
  question: string;
  agoMs: number;
  root: string;
  staleness: { files: readonly string[]; head?: { from: string; to: string } };
}

const FILES_SHOWN = 3;
const ANSWERS_SHOWN = 5;

export function staleText(askee: string, answers: readonly StaleWords[]): string {
  const name = cleanLine(askee);
  const shown = answers
    .slice(0, ANSWERS_SHOWN)
    .map(
      ({ handle, question, agoMs, root, staleness: { files, head } }) =>
        `${handle} ("${cleanLine(question)}", ${duration(agoMs)} ago): ${[...filesText(files, root), ...headText(head)].join("; ")}`,
    );
  const rest = answers.length > ANSWERS_SHOWN ? [`and ${answers.length - ANSWERS_SHOWN} older ones`] : [];
  const [one] = shown;
  return answers.length === 1
    ? `radar: ${name}'s answer ${one} since. If you still rely on it, ask again.`
    : `radar: answers of ${name} may be out of date:\n${[...shown, ...rest].map((line) => `- ${line}`).join("\n")}\nAsk again where you still rely on one.`;
}

function filesText(files: readonly string[], root: string): string[] {
  if (files.length === 0) return [];
  const names = files.slice(0, FILES_SHOWN).map((file) => shownPath(file.slice(root.length + 1)));
  const more = files.length > FILES_SHOWN ? ` and ${files.length - FILES_SHOWN} more of the files it read` : "";
  return [`${names.join(", ")}${more} changed`];
}

const headText = (head: { from: string; to: string } | undefined): string[] =>
  head ? [`its checkout moved from ${head.from.slice(0, 7)} to ${head.to.slice(0, 7)}`] : [];
