import { LIMITS } from "../protocol/index.ts";
import { cleanLine } from "./clean.ts";

/** What `on_waiting` is told: for a person's phone or desktop, so short, and nothing in it that a program would act on. */

/** `try`: `repowire doctor --notify` asked for it. */
export type WaitKind = "permission" | "session" | "question" | "held" | "guard" | "mismatch" | "try";

export interface WaitNews {
  kind: WaitKind;
  id: string;
  peer: string;
  text: string;
  since: number;
}

export interface Notification {
  env: Record<string, string>;
  stdin: string;
}

/** The oldest stands in the environment, all (up to a limit) on stdin. */
export function notification(news: readonly WaitNews[]): Notification {
  const told = news.slice(0, LIMITS.notifierItemsMax).map(clean);
  const [first] = told;
  const others = news.length - 1;
  const text = others > 0 ? `${first?.text ?? ""} (and ${others} more)` : (first?.text ?? "");
  return {
    env: {
      REPOWIRE_WAITING_PEER: first?.peer ?? "",
      REPOWIRE_WAITING_KIND: first?.kind ?? "",
      REPOWIRE_WAITING_TEXT: text,
      REPOWIRE_WAITING_ID: first?.id ?? "",
      REPOWIRE_WAITING_COUNT: String(news.length),
    },
    stdin: `${JSON.stringify({ count: news.length, waiting: told })}\n`,
  };
}

function clean({ kind, id, peer, text, since }: WaitNews) {
  const facts = { kind, id: shortLine(id), peer: shortLine(peer), text: shortLine(text), since };
  const next = nextStep(kind, facts.id);
  return next === undefined ? facts : { ...facts, next };
}

/** A text that begins like an option could be taken for one by the program that shows it. */
function shortLine(text: string): string {
  const line = cleanLine(text).replace(/^-+/, "");
  return line.length > LIMITS.notifierTextCharsMax ? `${line.slice(0, LIMITS.notifierTextCharsMax - 1)}…` : line;
}

function nextStep(kind: WaitKind, id: string): string | undefined {
  switch (kind) {
    case "permission":
      return `repowire approve ${id} (or: repowire deny ${id})`;
    case "question":
      return `repowire inbox ${id}, then repowire reply ${id} TEXT`;
    case "held":
      return `repowire release ${id} (or: repowire refuse ${id})`;
    case "guard":
      return `repowire resume ${id}`;
    case "mismatch":
      return `repowire trace ${id}`;
    case "session":
      return "decide it in that session's own terminal";
    case "try":
      return undefined;
    default:
      return kind satisfies never;
  }
}
