import type { Model, ModelTurn, Step } from "../support/model-script.ts";

/** Every message carries one word that stands nowhere else; the answer to it repeats the word. */
export const wordAt = (seed: number, at: number): string => `zq${seed.toString(36)}x${at.toString(36)}q`;
const WORD = /\bzq[0-9a-z]+x[0-9a-z]+q\b/;
export const answerFor = (word: string): string => `Seven ${word}, by src/herd.ts:7.`;

/** How a question's id stands in what each CLI shows its model. */
const ASK = /(?:kind=(?:"|&quot;)ask(?:"|&quot;) id=(?:"|&quot;)|\[repowire ask |asks \(repowire )([a-z0-9]{5})/g;

/** The questions in a text, each with the first word that follows its id. */
export function asksIn(text: string): { id: string; word: string }[] {
  return [...text.matchAll(ASK)].flatMap((match) => {
    const [word] = text.slice(match.index).match(WORD) ?? [];
    return match[1] && word ? [{ id: match[1], word }] : [];
  });
}

/** What the person types, with a number so that no two are alike. */
export const TYPED = {
  tool: (n: number) => `WORK ${n} please`,
  stream: (n: number) => `STREAM ${n} please`,
  dialog: (n: number) => `TOUCH ${n} please`,
  hello: (n: number) => `hello ${n}`,
};
export const fileOf = (n: number): string => `made-by-the-model-${n}`;

/**
 * Answers each question once, by its id, several in one step where several stand there; does what its person types. `slowMs`: how long
 * it thinks before it says anything.
 */
export function recipient(longMs: number, slowMs: () => number = () => 0): Model {
  const answered = new Set<string>();
  return (turn) => {
    const asks = asksIn(turn.text).filter(({ id }) => !answered.has(id));
    for (const { id } of asks) answered.add(id);
    const unique = [...new Map(asks.map((ask) => [ask.id, ask])).values()];
    const replies = unique.map(({ id, word }): Step => ({ use: "reply", input: { id, text: answerFor(word) } }));
    if (replies.length > 0) return { steps: replies, delayMs: slowMs() };
    return typed(turn, longMs) ?? { steps: [{ say: `Noted, ${turn.index}.` }], delayMs: slowMs() };
  };
}

function typed(turn: ModelTurn, longMs: number): ReturnType<Model> | undefined {
  if (turn.toolResults.length > 0) return undefined;
  if (/\bWORK \d+ please/.test(turn.text)) return [{ shell: `node -e 'setTimeout(() => {}, ${longMs})'` }];
  if (/\bSTREAM \d+ please/.test(turn.text))
    return { steps: [{ say: "Many words, one after the other. ".repeat(20) }], streamMs: longMs };
  const touch = turn.text.match(/\bTOUCH (\d+) please/)?.[1];
  return touch ? [{ shell: `touch ${fileOf(Number(touch))}` }] : undefined;
}
