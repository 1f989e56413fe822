import { LIMITS } from "../protocol/index.ts";
import { cleanLine } from "./clean.ts";

/** Letters, digits and a few signs that no frame, shell pattern, markup or terminal gives a meaning. */
const OTHERS = /[^\p{L}\p{M}\p{N} ._+@,=-]/gu;

/**
 * What a file is called where it is told to others, and where it is saved by default: the last part of the path that somebody named,
 * on one line, of harmless signs, and neither hidden nor an option. The ending is kept when it is too long.
 */
export function fileName(given: string): string {
  const last = given.split(/[/\\]/).at(-1) ?? "";
  const clean = cleanLine(last.normalize("NFC").toWellFormed())
    .replace(OTHERS, "_")
    .replace(/^[.\- ]+/, "_")
    .trim();
  const name = clean === "" || clean === "_" ? "file" : clean;
  const signs = [...name];
  if (signs.length <= LIMITS.attachmentNameCharsMax) return name;
  const ending = name.match(/\.[\p{L}\p{N}]{1,10}$/u)?.[0] ?? "";
  return `${signs.slice(0, LIMITS.attachmentNameCharsMax - ending.length).join("")}${ending}`;
}
