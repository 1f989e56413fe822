/** A number in [0, below) from a seed: the same run after run. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * below);
  };
}

const VOCABULARY = 40_000;
/** Texts of people follow it nearly: the word at place n of the list of all words is used 1/n as often as the first. */
const ZIPF_OFFSET = 2.7;
const ONSETS = [
  "b",
  "br",
  "c",
  "ch",
  "cl",
  "d",
  "dr",
  "f",
  "fl",
  "g",
  "gr",
  "h",
  "j",
  "k",
  "l",
  "m",
  "n",
  "p",
  "pl",
  "pr",
  "qu",
  "r",
  "s",
  "sc",
  "sh",
  "sp",
  "st",
  "t",
  "th",
  "tr",
  "v",
  "w",
  "y",
  "z",
  "",
  "",
];
const VOWELS = ["a", "e", "i", "o", "u", "ea", "ou", "io", "ai", "ee"];
const CODAS = ["", "", "n", "r", "s", "t", "l", "nd", "st", "ck", "m", "ng", "x", "p", "rt"];

export interface Language {
  /** The word at that place of the list, the most frequent first. */
  word(place: number): string;
  /** A text of about so many characters. */
  text(chars: number): string;
}

/** Made-up words of one to four syllables, the short ones frequent, in texts whose frequencies are like those of real ones. */
export function language(seed: number): Language {
  const random = seeded(seed);
  const pick = (list: readonly string[]) => list[random(list.length)] ?? "";
  const known = new Set<string>();
  while (known.size < VOCABULARY) {
    const syllables = 1 + Math.min(3, Math.floor(Math.log10(1 + known.size)));
    let word = "";
    for (let i = 0; i < syllables; i++) word += pick(ONSETS) + pick(VOWELS) + pick(CODAS);
    known.add(word);
  }
  const words = [...known];
  const sums = new Float64Array(VOCABULARY);
  let total = 0;
  for (let place = 0; place < VOCABULARY; place++) {
    total += 1 / (place + ZIPF_OFFSET);
    sums[place] = total;
  }

  function draw(): string {
    const at = (random(2 ** 31) / 2 ** 31) * total;
    let low = 0;
    let high = VOCABULARY - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return words[low] ?? "";
  }

  return {
    word: (place) => words[place] ?? "",
    text(chars) {
      let text = draw();
      while (text.length < chars) text += ` ${draw()}`;
      return text.slice(0, chars);
    },
  };
}
