/**
 * Letters of other scripts that a person takes for Latin ones: the ones of Cyrillic and Greek whose usual shapes are the same
 * (Unicode's confusables.txt, the single letters alone).
 */
const LIKE_LATIN: Readonly<Record<string, string>> = {
  ...{ а: "a", е: "e", о: "o", р: "p", с: "c", х: "x", у: "y", і: "i", ј: "j", ѕ: "s", һ: "h", ԁ: "d", ԛ: "q", ԝ: "w" },
  ...{ к: "k", м: "m", т: "t", в: "b", н: "h" },
  ...{ α: "a", ο: "o", ν: "v", ρ: "p", ι: "i", κ: "k", υ: "u", χ: "x", τ: "t", ε: "e", η: "n" },
};

/** Most names are; but for capitals, none of their letters stands for another. */
const IS_ASCII = /^[\x20-\x7e]*$/;

/**
 * What a name looks like: two names with one look are one name to whoever reads them, though their letters differ. A capital is the
 * same letter: who says a name aloud, or types it, does not tell `BackEnd` from `backend`.
 */
export function lookOf(name: string): string {
  if (IS_ASCII.test(name)) return name.toLowerCase();
  return Array.from(name.normalize("NFKC").toLowerCase(), (letter) => LIKE_LATIN[letter] ?? letter).join("");
}
