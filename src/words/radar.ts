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
