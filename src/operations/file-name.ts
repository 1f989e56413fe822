/** Letters, digits and a few signs that no frame, shell pattern, markup or terminal gives a meaning. */
const OTHERS = /[^\p{L}\p{M}\p{N} ._+@,=-]/gu;
const CHARS_MAX = 100;

/**
 * What a file is called where it is told to others, and where it is saved by default: the last part of the path that somebody named,
 * on one line, of harmless signs, and neither hidden nor an option. The ending is kept when it is too long.
 */
export function fileName(given: string): string {
  const last = given.split(/[/\\]/).at(-1) ?? "";
  const plain = last
    .toWellFormed()
    .normalize("NFC")
    .replace(OTHERS, "_")
    .trim()
    .replace(/^[.\- ]+/, "_")
    .trimEnd();
  if (/^_?$/.test(plain)) return "file";
  const signs = [...plain];
  if (signs.length <= CHARS_MAX) return plain;
  const ending = plain.match(/\.[\p{L}\p{N}]{1,10}$/u)?.[0] ?? "";
  return `${signs
    .slice(0, CHARS_MAX - [...ending].length)
    .join("")
    .trimEnd()}${ending}`;
}
