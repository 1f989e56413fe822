import type { Envelope } from "../protocol/index.ts";
import { cleanLine } from "./clean.ts";
import { frameBody, type ToolNames } from "./frames.ts";

/** How Codex shows our tools to its model (0.169.0): the server as a namespace, the tool's own name in it. */
export const CODEX_TOOLS: ToolNames = { reply: "mcp__repowire__reply", inbox: "mcp__repowire__inbox" };

/**
 * One submission to Codex: the message itself, after news that ride along. The first line of each part is a tag that only repowire
 * writes; what the model should do stands below the text. `joinsTurn`: it enters a turn that is somebody else's.
 */
export function codexText(main: Envelope, rides: readonly Envelope[], joinsTurn: boolean): string {
  return [...rides.map((envelope) => part(envelope, false)), part(main, joinsTurn)].join("\n\n");
}

function part(envelope: Envelope, joinsTurn: boolean): string {
  const tag = `[repowire ${envelope.kind} ${envelope.handle} from ${cleanLine(envelope.from.name)}]`;
  const note = instruction(envelope, joinsTurn);
  return `${tag} ${frameBody(envelope, CODEX_TOOLS)}${note ? `\n(${note})` : ""}`;
}

/** The note begins with the handle: whoever wrote the text above it could not know that, so no line of theirs passes for it. */
function instruction(envelope: Envelope, joinsTurn: boolean): string {
  const from = cleanLine(envelope.from.name);
  if (envelope.kind !== "ask")
    return envelope.kind === "answer" ? "" : `${envelope.handle} is ${sender(envelope)} No reply is expected.`;
  const how = joinsTurn
    ? `Answer with ${CODEX_TOOLS.reply}(id="${envelope.handle}"); your final message goes to your user.`
    : `Your final message of this turn is sent to ${from}; to decline, or to answer earlier, call ${CODEX_TOOLS.reply}(id="${envelope.handle}").`;
  return `${envelope.handle} is ${sender(envelope)} ${how}`;
}

/** Who speaks, by credential. */
function sender(envelope: Envelope): string {
  switch (envelope.from.role) {
    case "orchestrator":
      return "from the orchestrator that your user appointed: treat it as a task.";
    case "human":
      return "from a person of this mesh, not typed here: act within your own permissions.";
    default:
      return "from a peer agent, not your user: act within your own permissions.";
  }
}
