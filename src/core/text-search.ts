import { LIMITS, RepowireError } from "../protocol/index.ts";

/**
 * What a word is, and when a text fits a search: once, for both stores. The durable store's index is made of these very words, so a
 * search finds the same messages whether they are in the index yet or not. A change here needs the index to be made anew.
 */

export interface Word {
  /** As it is compared: small letters, without accents. */
  text: string;
  /** Where it stands in the text, in UTF-16 units. */
  start: number;
  end: number;
}

/** Words that must follow each other; with `isPrefix` the last one may go on. */
export interface SearchTerm {
  words: readonly string[];
  isPrefix: boolean;
}

const RUN = /[\p{L}\p{N}\p{M}]+/gu;
const IS_PLAIN = /^[A-Za-z0-9]+$/;
const NO_LETTER = /[^\p{L}\p{N}]+/gu;
/** Written without spaces between words: each character is a word, and a word is a row of them. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;
const UNSPACED_LETTER = /([\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]\p{M}*)/u;
/** A letter with its marks. */
const SIGN = /\P{M}\p{M}*|\p{M}+/gu;
/** Longer runs are keys and encoded bytes; their beginning is enough to find them. */
const WORD_CHARS_MAX = 64;
/** Shorter beginnings would fit nearly every message. */
const PREFIX_CHARS_MIN = 2;

const fold = (run: string): string =>
  run.normalize("NFKD").toLowerCase().replace(NO_LETTER, "").slice(0, WORD_CHARS_MAX);

export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  const add = (run: string, start: number, folded: string) => {
    if (folded !== "") words.push({ text: folded, start, end: start + run.length });
  };
  for (const { 0: run, index } of text.matchAll(RUN)) {
    if (IS_PLAIN.test(run)) add(run, index, run.toLowerCase().slice(0, WORD_CHARS_MAX));
    else if (UNSPACED.test(run.normalize("NFKD"))) {
      // Judged by what it is compared as: a sign like \u3280 is a Han letter there.
      let before = "";
      let at = index;
      for (const [sign] of run.matchAll(SIGN)) {
        if (!UNSPACED.test(sign.normalize("NFKD"))) {
          before += sign;
          continue;
        }
        add(before, at, fold(before));
        at += before.length;
        for (const part of fold(sign).split(UNSPACED_LETTER)) add(sign, at, part);
        at += sign.length;
        before = "";
      }
      add(before, at, fold(before));
    } else add(run, index, fold(run));
  }
  return words;
}

/**
 * What a person typed, as terms that must all be found: words, `"exact phrases"`, and the last word as the beginning of one. Nothing
 * in it is syntax but the double quote. Throws `invalid_input` when no word is in it, or too many.
 */
export function parseSearch(text: string): SearchTerm[] {
  const terms: SearchTerm[] = [];
  const parts = text.split('"');
  parts.forEach((part, index) => {
    // Odd parts stand between quotes; a quote that is not closed is no quote.
    const isQuoted = index % 2 === 1 && index < parts.length - 1;
    if (isQuoted) {
      const words = wordsOf(part).map((word) => word.text);
      if (words.length > 0) terms.push({ words, isPrefix: false });
      return;
    }
    const isLast = index === parts.length - 1;
    // "src/store.ts" is one term: its words in a row, as they stand in a text.
    const pieces = part
      .split(/\s+/)
      .map((piece) => wordsOf(piece).map((word) => word.text))
      .filter((words) => words.length > 0);
    pieces.forEach((words, at) => {
      const isPrefix = isLast && at === pieces.length - 1 && (words.at(-1)?.length ?? 0) >= PREFIX_CHARS_MIN;
      terms.push({ words, isPrefix });
    });
  });
  if (terms.length === 0) {
    throw new RepowireError(
      "invalid_input",
      "There is no word to search for: give at least one letter or digit. To read messages without searching, use `history`.",
    );
  }
  const count = terms.reduce((sum, term) => sum + term.words.length, 0);
  if (count > LIMITS.searchWordsMax) {
    throw new RepowireError(
      "invalid_input",
      `A search may have ${LIMITS.searchWordsMax} words; this one has ${count}. Use fewer.`,
    );
  }
  return terms;
}

/** Where a term stands among the words: the index of its first word, each time. */
function places(words: readonly Word[], term: SearchTerm): number[] {
  const found: number[] = [];
  const last = term.words.length - 1;
  for (let at = 0; at + last < words.length; at++) {
    const fits = term.words.every((wanted, offset) => {
      const text = words[at + offset]?.text ?? "";
      return offset === last && term.isPrefix ? text.startsWith(wanted) : text === wanted;
    });
    if (fits) found.push(at);
  }
  return found;
}

/** Whether all terms are in the text. */
export function fitsSearch(text: string, terms: readonly SearchTerm[]): boolean {
  if (terms.length === 0) return true;
  const words = wordsOf(text);
  return terms.every((term) => places(words, term).length > 0);
}

/** The length at which a text counts as neither short nor long. */
const USUAL_WORDS = 80;

/** How well a text fits: more places count more, each less than the one before, and in a short text more than in a long one. */
export function relevance(text: string, terms: readonly SearchTerm[]): number {
  const words = wordsOf(text);
  const norm = 0.5 + words.length / (2 * USUAL_WORDS);
  return terms.reduce((sum, term) => {
    const count = places(words, term).length;
    return sum + count / (count + norm);
  }, 0);
}

export interface Snippet {
  /** One line of the text, "…" where it was cut. Control and invisible characters are spaces. */
  text: string;
  /** Where the hits stand in it: start and end, in UTF-16 units. */
  marks: [start: number, end: number][];
}

const BEFORE_CHARS = 60;
const SNIPPET_CHARS = 200;

/** The part of the text around its first hit. */
export function snippetOf(text: string, terms: readonly SearchTerm[]): Snippet {
  const words = wordsOf(text);
  const hits = terms
    .flatMap((term) =>
      places(words, term).map((at): [number, number] => [
        words[at]?.start ?? 0,
        words[at + term.words.length - 1]?.end ?? 0,
      ]),
    )
    .sort((a, b) => a[0] - b[0]);
  const first = hits[0]?.[0] ?? 0;
  const from = first <= BEFORE_CHARS ? 0 : startAt(text, words, first - BEFORE_CHARS, first);
  const to = Math.min(text.length, from + SNIPPET_CHARS);
  const head = from > 0 ? "…" : "";
  const shift = head.length - from;
  const marks: [number, number][] = [];
  for (const [start, end] of hits) {
    const last = marks.at(-1);
    if (start >= to) break;
    if (last && start + shift < last[1]) last[1] = Math.max(last[1], Math.min(end, to) + shift);
    else marks.push([start + shift, Math.min(end, to) + shift]);
  }
  // One character for one, so that the marks stay where they are; half a pair at the cut would be none.
  const line = text
    .slice(from, to)
    .replace(/[\p{Cc}\p{Cf}\p{Z}]/gu, (found) => " ".repeat(found.length))
    .toWellFormed();
  return { text: `${head}${line}${to < text.length ? "…" : ""}`, marks };
}

/** The first beginning of a word in the range, so that no word is cut there. */
function startAt(text: string, words: readonly Word[], from: number, to: number): number {
  const start = words.find((word) => word.start >= from && word.start <= to)?.start ?? from;
  const code = text.charCodeAt(start);
  return code >= 0xdc00 && code <= 0xdfff ? start - 1 : start;
}
