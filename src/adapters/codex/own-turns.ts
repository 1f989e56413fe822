import { z } from "zod";
import { instantOf, type OwnTurns, type RecordedTurn, recordEnd } from "../own-turns.ts";
import { attemptOf } from "./turns.ts";

const Content = z.array(z.looseObject({ text: z.string().optional().catch(undefined) })).catch([]);
const Entry = z.looseObject({
  timestamp: z.unknown().optional(),
  type: z.literal("event_msg"),
  payload: z.discriminatedUnion("type", [
    z.looseObject({
      type: z.literal("item_completed"),
      item: z.looseObject({
        type: z.string(),
        client_id: z.string().nullish().catch(undefined),
        content: Content.optional(),
      }),
    }),
    // As older versions write it.
    z.looseObject({ type: z.literal("user_message"), message: z.string() }),
    z.looseObject({ type: z.literal("agent_message"), message: z.string() }),
  ]),
});
type Payload = z.infer<typeof Entry>["payload"];

/** Of older versions nothing tells whose a prompt was but its beginning, which is only left out here and proves nothing. */
const OURS = /^\[repowire (?:ask|notify|broadcast|answer) /;

/** What the person at a Codex terminal typed and what the model said, from the thread's rollout (0.169.0); prompts of the mesh are left out by the id that we gave them. */
export function codexOwnTurns(rollout: string | undefined): OwnTurns {
  const read = recordEnd(rollout);
  if ("reason" in read) return read;
  const turns = read.entries.flatMap((one): RecordedTurn[] => {
    const { success, data: entry } = Entry.safeParse(one);
    const turn = success ? turnOf(entry.payload) : undefined;
    return turn ? [{ ...turn, at: instantOf(entry?.timestamp) }] : [];
  });
  return { turns, isWhole: read.isWhole };
}

function turnOf(payload: Payload): RecordedTurn | undefined {
  if (payload.type === "user_message") return OURS.test(payload.message) ? undefined : said("user", payload.message);
  if (payload.type === "agent_message") return said("session", payload.message);
  const { type, client_id: client, content } = payload.item;
  const text = (content ?? []).flatMap((part) => part.text ?? []).join("\n");
  if (type === "AgentMessage") return said("session", text);
  if (type !== "UserMessage" || (client && attemptOf(client))) return undefined;
  return said("user", text);
}

const said = (by: RecordedTurn["by"], text: string): RecordedTurn | undefined =>
  text.trim() === "" ? undefined : { by, text: text.trim() };
