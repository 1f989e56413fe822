import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/**
 * What really happened, as the peers' own processes wrote it down: outside the product, each line on its way to the disk before the
 * product hears anything. `n` names a message in the text that it carries; an answer to question `n` is `re n`.
 */
export const Entry = z.object({
  at: z.number(),
  peer: z.string(),
  /** The process: a restart of a peer is another one. */
  run: z.string(),
  what: z.discriminatedUnion("type", [
    z.object({ type: z.literal("joined"), name: z.string() }),
    z.object({ type: z.literal("sending"), n: z.string(), kind: z.string(), to: z.string(), urgency: z.string() }),
    z.object({
      type: z.literal("told"),
      n: z.string(),
      said: z.enum(["accepted", "refused", "unknown"]),
      state: z.string(),
      code: z.string().optional(),
      text: z.string(),
      to: z.array(z.string()).optional(),
    }),
    z.object({
      type: z.literal("shown"),
      /** The number in its text; `re` for an answer. */
      n: z.string(),
      isAnswer: z.boolean(),
      handle: z.string().optional(),
      attempt: z.number().optional(),
      again: z.boolean(),
      via: z.string(),
      text: z.string(),
    }),
    z.object({ type: z.literal("answering"), n: z.string(), handle: z.string(), text: z.string() }),
    z.object({
      type: z.literal("answer_told"),
      n: z.string(),
      said: z.enum(["accepted", "refused", "unknown"]),
      code: z.string().optional(),
      text: z.string(),
    }),
  ]),
});
export type Entry = z.infer<typeof Entry>;
export type What = Entry["what"];

export function journal(folder: string, peer: string, run: string): (what: What) => void {
  const file = join(folder, `${peer}-${run}.jsonl`);
  return (what) => appendFileSync(file, `${JSON.stringify({ at: Date.now(), peer, run, what } satisfies Entry)}\n`);
}

export function readBook(folder: string): Entry[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"))
    .flatMap((line) => {
      try {
        return line === "" ? [] : [Entry.parse(JSON.parse(line))];
      } catch {
        // The last line of a process that was killed while it wrote.
        return [];
      }
    })
    .sort((a, b) => a.at - b.at);
}

/** The text of message `n`, and what is read back from a text wherever it stands inside a frame. */
export const questionText = (n: string, from: string, to: string, rest = "") => `#${n}# from ${from} to ${to} ${rest}`;
export const answerText = (n: string, by: string) => `re#${n}# by ${by}`;

export function numberIn(text: string): { n: string; isAnswer: boolean } | undefined {
  // The frame of an answer quotes the question: the answer's own mark decides.
  const answer = text.match(/re#([\w-]+)#/)?.[1];
  if (answer) return { n: answer, isAnswer: true };
  const n = text.match(/#([\w-]+)#/)?.[1];
  return n === undefined ? undefined : { n, isAnswer: false };
}
