import { z } from "zod";
import type { PeerRecord } from "../../core/index.ts";
import { instantOf, type OwnTurns, type RecordedTurn, recordEnd } from "../own-turns.ts";
import { findTranscript } from "./transcript.ts";

/**
 * What the person at a Claude Code session typed and what the model said to them, from its transcript (2.1.330). Left out: subagents, results of tools, what
 * the CLI itself writes as if it were typed, and everything that came from outside, which stands in the mesh's own ledger.
 */
const Block = z.looseObject({
  type: z.string(),
  text: z.string().optional().catch(undefined),
  id: z.string().optional().catch(undefined),
  name: z.string().optional().catch(undefined),
  input: z.unknown().optional(),
  tool_use_id: z.string().optional().catch(undefined),
});
const Entry = z.looseObject({
  type: z.enum(["user", "assistant"]),
  timestamp: z.unknown().optional(),
  isSidechain: z.boolean().optional().catch(undefined),
  isMeta: z.boolean().optional().catch(undefined),
  isCompactSummary: z.boolean().optional().catch(undefined),
  isApiErrorMessage: z.boolean().optional().catch(undefined),
  origin: z.looseObject({ kind: z.string().optional() }).optional().catch(undefined),
  message: z.looseObject({ content: z.union([z.string(), z.array(Block)]) }),
});
type Entry = z.infer<typeof Entry>;
const Asked = z.looseObject({
  questions: z.array(
    z.looseObject({
      question: z.string(),
      options: z
        .array(z.looseObject({ label: z.string(), description: z.string().optional().catch(undefined) }))
        .catch([]),
    }),
  ),
});

const QUESTION_TOOL = "AskUserQuestion";
/** Slash commands, their output and notices, which the CLI notes as if the user had typed them. */
const BY_THE_CLI =
  /^(?:<(?:command-|local-command-|bash-|task-notification|system-reminder)|Caveat: |\[Request interrupted)/;

export function claudeOwnTurns(peer: PeerRecord): OwnTurns {
  const { conversation, config_dir: configDir } = peer;
  if (!conversation || !configDir) return { reason: "its conversation is not known yet" };
  const read = recordEnd(findTranscript(configDir, conversation));
  if ("reason" in read) return read;
  const turns: RecordedTurn[] = [];
  const open = new Map<string, RecordedTurn[]>();
  for (const one of read.entries) {
    const { success, data: entry } = Entry.safeParse(one);
    if (!success || entry.isSidechain) continue;
    turns.push(...(entry.type === "user" ? typedBy(entry, open) : saidIn(entry, open)));
  }
  return { turns, isWhole: read.isWhole };
}

const blocksOf = ({ message: { content } }: Entry) =>
  typeof content === "string" ? [{ type: "text", text: content }] : content;

function typedBy(entry: Entry, open: Map<string, RecordedTurn[]>): RecordedTurn[] {
  const blocks = blocksOf(entry);
  for (const block of blocks)
    if (block.type === "tool_result" && "tool_use_id" in block && block.tool_use_id)
      for (const question of open.get(block.tool_use_id) ?? []) question.isOpen = false;
  if (blocks.some(({ type }) => type === "tool_result")) return [];
  const isTheirs = entry.origin?.kind === undefined || entry.origin.kind === "human";
  if (!isTheirs || entry.isMeta || entry.isCompactSummary) return [];
  const text = textOf(blocks);
  return text === "" || BY_THE_CLI.test(text) ? [] : [{ by: "user", at: instantOf(entry.timestamp), text }];
}

function saidIn(entry: Entry, open: Map<string, RecordedTurn[]>): RecordedTurn[] {
  if (entry.isApiErrorMessage) return [];
  const at = instantOf(entry.timestamp);
  const blocks = blocksOf(entry);
  const text = textOf(blocks);
  const said: RecordedTurn[] = text === "" ? [] : [{ by: "session", at, text }];
  for (const block of blocks) {
    if (!("name" in block) || block.name !== QUESTION_TOOL || !block.id) continue;
    const asked = Asked.safeParse(block.input);
    if (!asked.success) continue;
    const questions = asked.data.questions.map(
      ({ question, options }): RecordedTurn => ({ by: "session", at, text: question, options, isOpen: true }),
    );
    open.set(block.id, questions);
    said.push(...questions);
  }
  return said;
}

const textOf = (blocks: readonly { type: string; text?: string }[]): string =>
  blocks
    .flatMap(({ type, text }) => (type === "text" && text ? [text] : []))
    .join("\n")
    .trim();
