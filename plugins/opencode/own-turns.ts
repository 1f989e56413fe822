import { z } from "zod";
import { byteLength, LIMITS, type RecordedTurn, type RecordedTurns } from "../../src/protocol/index.ts";
import { markOf, type OpenCode, type Part, type StoredMessage } from "./api.ts";
import type { Choice } from "./conversations.ts";

/**
 * What the user of the conversation on the screen said there and what the model said, read from OpenCode's own store when somebody
 * asks, and kept nowhere. Prompts of the mesh are left out by their marks, what was undone by OpenCode's own word.
 */
export async function ownTurns(api: OpenCode, choice: Choice): Promise<RecordedTurns> {
  if (choice.type === "create") return { turns: [], is_whole: true };
  if (choice.type === "hold") return { why: WHY[choice.why] };
  const revert = Revert.safeParse((await api.session(choice.id))?.revert).data;
  const stored = await api.messages(choice.id, LIMITS.ownTurnMessagesMax);
  // Where the first undone one lies further back than this goes, all of it is undone.
  const end = revert
    ? Math.max(
        0,
        stored.findIndex(({ info }) => info.id === revert.messageID),
      )
    : stored.length;
  const turns = stored.slice(0, end).flatMap(turnsOf);
  const newest = fitting(turns.slice(-LIMITS.ownTurnsMax));
  return {
    turns: newest,
    is_whole: stored.length < LIMITS.ownTurnMessagesMax && newest.length === turns.length,
  };
}

/** From which message on all are undone. */
const Revert = z.object({ messageID: z.string() });

const WHY: Record<(Choice & { type: "hold" })["why"], string> = {
  no_conversation: "none of its conversations was prompted yet",
  screen_unknown: "nothing tells which of its conversations is on its screen, until its user prompts there",
  undone: "its messages are undone",
};

/** The newest of them, as many as one frame carries. */
function fitting(turns: readonly RecordedTurn[]): RecordedTurn[] {
  let room: number = LIMITS.ownTurnsFrameBytesMax;
  const first = turns.findLastIndex((turn) => {
    room -= byteLength(JSON.stringify(turn));
    return room < 0;
  });
  return turns.slice(first + 1);
}

function turnsOf({ info, parts }: StoredMessage): RecordedTurn[] {
  // A compaction is a request of OpenCode's own, and its summary an answer to that.
  if (parts.some((part) => markOf(part) !== undefined || part.type === "compaction") || info.summary === true)
    return [];
  const at = Math.round(info.time.created);
  const by = info.role === "user" ? "user" : "session";
  const text = parts
    .filter((part) => part.type === "text" && !part.synthetic && !part.ignored)
    .map((part) => part.text ?? "")
    .join("\n")
    .trim();
  return [...(text === "" ? [] : [{ by, at, ...cut(text) } as const]), ...parts.flatMap((part) => questions(part, at))];
}

const cut = (text: string) => {
  const kept = text.slice(0, LIMITS.ownTurnTextCharsMax);
  return { text: kept, rest_chars: text.length - kept.length };
};

const Asked = z.object({
  status: z.string(),
  input: z.object({
    questions: z.array(
      z.object({
        question: z.string(),
        options: z.array(z.object({ label: z.string(), description: z.string().optional() })).catch([]),
      }),
    ),
  }),
});

/** A question to its user with options: the call of the tool that asks it, open while that runs. */
function questions(part: Part, at: number): RecordedTurn[] {
  if (part.type !== "tool" || part.tool !== "question") return [];
  const asked = Asked.safeParse(part.state).data;
  return (asked?.input.questions ?? []).map(({ question, options }) => ({
    by: "session",
    at,
    ...cut(question),
    options: options.slice(0, LIMITS.ownTurnOptionsMax).map(({ label, description }) => ({
      label: cut(label).text,
      ...(description === undefined ? {} : { description: cut(description).text }),
    })),
    is_open: asked?.status === "running",
  }));
}
