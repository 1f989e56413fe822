/**
 * Letters of other scripts that a person takes for Latin ones: the ones of Cyrillic and Greek whose usual shapes are the same
 * (Unicode's confusables.txt, the single letters alone).
 */
const LIKE_LATIN: Readonly<Record<string, string>> = {
  ...{ а: "a", е: "e", о: "o", р: "p", с: "c", х: "x", у: "y", і: "i", ј: "j", ѕ: "s", һ: "h", ԁ: "d", ԛ: "q", ԝ: "w" },
  ...{ к: "k", м: "m", т: "t", в: "b", н: "h" },
  ...{ α: "a", ο: "o", ν: "v", ρ: "p", ι: "i", κ: "k", υ: "u", χ: "x", τ: "t", ε: "e", η: "n" },
};

/** Most names are; none of their letters looks like another of them. */
const IS_ASCII = /^[\x20-\x7e]*$/;

/**
 * What a name looks like: two names with one look are one name to whoever reads them, though their letters differ. Capitals are seen
 * as such, and stay apart.
 */
export function lookOf(name: string): string {
  if (IS_ASCII.test(name)) return name;
  return Array.from(name.normalize("NFKC"), likeLatin).join("");
}

function likeLatin(letter: string): string {
  const small = letter.toLowerCase();
  const like = LIKE_LATIN[small] ?? small;
  return small === letter ? like : like.toUpperCase();
}
