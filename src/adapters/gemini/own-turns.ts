import { z } from "zod";
import type { PeerRecord } from "../../core/index.ts";
import { instantOf, type OwnTurns, type RecordedTurn, recordEnd } from "../own-turns.ts";
import { inputOf, partsOf } from "./transcript.ts";

const Entry = z.looseObject({
  id: z.unknown().optional(),
  type: z.enum(["user", "gemini"]),
  timestamp: z.unknown().optional(),
  content: z.unknown(),
  displayContent: z.unknown().optional(),
});
type Entry = z.infer<typeof Entry>;

/** What the person at a Gemini CLI session typed and what the model said (0.61.0); prompts with a frame of ours are the mesh's. */
export function geminiOwnTurns(peer: PeerRecord): OwnTurns {
  const read = recordEnd(peer.transcript);
  if ("reason" in read) return read;
  // A message that grows comes again with its id; the newest form of it stands at its first place.
  const turns = new Map<unknown, RecordedTurn>();
  for (const one of read.entries) {
    const { success, data: entry } = Entry.safeParse(one);
    const turn = success ? turnOf(entry) : undefined;
    if (turn) turns.set(entry?.id ?? turn, turn);
  }
  return { turns: [...turns.values()], isWhole: read.isWhole };
}

function turnOf(entry: Entry): RecordedTurn | undefined {
  const at = instantOf(entry.timestamp);
  // Messages of a list made anew have parts for a text: they are old ones.
  if (entry.type === "gemini")
    return typeof entry.content === "string" && entry.content.trim() !== ""
      ? { by: "session", at, text: entry.content.trim() }
      : undefined;
  if (inputOf(entry)?.from !== "user") return undefined;
  const shown = entry.displayContent === undefined ? partsOf(entry.content)[0] : partsOf(entry.displayContent).join("");
  const text = shown?.trim() ?? "";
  return text === "" ? undefined : { by: "user", at, text };
}
