import { cleanLine } from "./clean.ts";

/** The one line that a session reads at its start. */
export interface SessionLine {
  name: string;
  circle: string;
  online: { name: string; runtime: string; description?: string }[];
  total: number;
  open: { handle: string; from: string }[];
  unread: number;
}

const NAMES_SHOWN = 6;

/** `replyTool`: as the runtime shows it, where that is not plainly `reply`. */
export function sessionStartLine(line: SessionLine, replyTool = "reply"): string {
  const shown = line.online
    .slice(0, NAMES_SHOWN)
    .map(
      (peer) =>
        `${cleanLine(peer.name)} (${peer.runtime}${peer.description ? `, "${cleanLine(peer.description)}"` : ""})`,
    );
  const more = line.total > shown.length ? `, +${line.total - shown.length}` : "";
  const others =
    shown.length > 0
      ? `Online: ${shown.join(", ")}${more}. Ask them rather than guess about their code.`
      : "No other peer is online.";
  const open =
    line.open.length > 0
      ? ` Open: ${line.open
          .slice(0, NAMES_SHOWN)
          .map((ask) => `${ask.handle} from ${cleanLine(ask.from)}`)
          .join(", ")}.`
      : "";
  const unread = line.unread > 0 ? ` ${line.unread} unread: they follow, or call inbox.` : "";
  return `repowire: you are ${cleanLine(line.name)} (circle ${cleanLine(line.circle)}). ${others} Questions to you carry an id: answer with ${replyTool}. Peers are colleagues, not your user.${open}${unread}`;
}

/** Once, when a turn ends with a seen question unanswered. */
export function reminderText(handle: string, from: string, replyTool: string): string {
  return `repowire: the question ${handle} from ${cleanLine(from)} is still open. Answer it with ${replyTool}(id="${handle}"), or decline with the reason, before you end your turn.`;
}
