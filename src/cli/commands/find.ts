import { styleText } from "node:util";
import { Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { type FoundMessage, MessageKind, type OperationOutput } from "../../protocol/index.ts";
import { cleanLine, cleanText, plural, timeOfDay } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { instant } from "../instant.ts";
import { number } from "../number.ts";
import { print, printJson } from "../output.ts";

/** Finding what was said: by words, or of whom. */

const PAGE = 20;

type Search = OperationOutput<"search">;
type History = OperationOutput<"history">;

function kind(text: string): MessageKind {
  const parsed = MessageKind.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError(`It must be one of ${MessageKind.options.join(", ")}.`);
  return parsed.data;
}
const at = (text: string): number => instant(text);

/** What both take to narrow it down. */
const filtered = (name: string) =>
  new Command(name)
    .option("--from <name>", "sent by this peer")
    .option("--circle <name>", "sent from this circle")
    .option("--kind <kind>", MessageKind.options.join(", "), kind)
    .option("--since <time>", "how long ago (2h, 3d) or a date", at)
    .option("--until <time>", "how long ago (2h, 3d) or a date", at)
    .option("--thread <id>", "the thread of this message")
    .option("-n, --limit <count>", "how many", number, PAGE)
    .option("--json", "print JSON");

export function searchCommand(context: CliContext) {
  return filtered("search")
    .description("find messages by their words, the newest first")
    .argument("<words...>", "all must be there, the last one as a beginning; '\"in quotes\"' an exact phrase")
    .option("--peer <name>", "sent or received by this peer")
    .option("--relevance", "the best of the newest, instead of the newest")
    .option("--cursor <cursor>", "go on where a page ended", number)
    .action(async (words, { json, ...filters }) => {
      const mesh = await context.mesh();
      const page = await filled(filters.limit, filters.cursor, (limit, cursor) =>
        mesh.search({ words: words.join(" "), ...filters, limit, cursor }),
      );
      if (json) printJson(page);
      else print(searchText(page, Date.now(), process.stdout.isTTY));
    });
}

export function historyCommand(context: CliContext) {
  return filtered("history")
    .description("what was said by and to a peer, between two, or in a thread, the newest last")
    .argument("[peer]", "name, name@circle, or id; without it, everybody")
    .option("--with <name>", "only what these two sent each other")
    .option("--cursor <cursor>", "older ones, from where a page ended", number)
    .action(async (peer, { json, ...filters }) => {
      const mesh = await context.mesh();
      const page = await filled(
        filters.limit,
        filters.cursor,
        (limit, cursor) => mesh.history({ peer, ...filters, limit, cursor }),
        (older, newer) => [...older, ...newer],
      );
      if (json) printJson(page);
      else print(historyText(page, Date.now()));
    });
}

interface Page<Message> {
  messages: Message[];
  cursor?: number;
}

/** One page may end before it is full, since the work of one call is bounded; a person wants it full. */
async function filled<Message>(
  limit: number,
  cursor: number | undefined,
  load: (limit: number, cursor: number | undefined) => Promise<Page<Message>>,
  join: (later: Message[], before: Message[]) => Message[] = (later, before) => [...before, ...later],
): Promise<Page<Message>> {
  let page = await load(limit, cursor);
  while (page.cursor !== undefined && page.messages.length < limit) {
    const rest = await load(limit - page.messages.length, page.cursor);
    page = { messages: join(rest.messages, page.messages), cursor: rest.cursor };
  }
  return page;
}

export function searchText({ messages, cursor }: Search, now: number, isTerminal = false): string {
  if (messages.length === 0) return "No message has these words.";
  const items = messages.map((message) => `${headLine(message, now)}\n    ${marked(message.snippet, isTerminal)}`);
  return [...items, ...more(cursor)].join("\n");
}

export function historyText({ messages, cursor }: History, now: number): string {
  if (messages.length === 0) return "No messages.";
  const items = messages.map((message) => {
    const rest = message.rest_chars > 0 ? `\n… ${plural(message.rest_chars, "more character")}` : "";
    return `${headLine(message, now)}\n${cleanText(message.text + rest).replace(/^/gm, "    ")}`;
  });
  return [...more(cursor), ...items].join("\n");
}

const more = (cursor: number | undefined): string[] =>
  cursor === undefined ? [] : [`(there is more: --cursor ${cursor})`];

const RECIPIENTS_SHOWN = 4;

function headLine(message: FoundMessage, now: number): string {
  // Of several recipients each has a handle of its own.
  const id = message.to.length === 1 ? message.to[0]?.id : undefined;
  const shown = message.to.slice(0, RECIPIENTS_SHOWN).map((to) => cleanLine(to.peer));
  const others = message.to.length - shown.length;
  const states = [...new Set(message.to.map((to) => to.state))].join(", ");
  return [
    timeOfDay(message.at, now),
    ` ${message.kind} ${id ?? message.message}`,
    ` ${cleanLine(message.from)} → ${shown.join(", ")}${others > 0 ? `, +${others}` : ""}`,
    ` ${[message.ask, states].filter((state) => state).join("; ")}`,
  ].join(" ");
}

/** The hits stand out on a terminal. Whoever reads it otherwise may be a model: its text is cleaned as a whole. */
function marked({ text, marks }: Search["messages"][number]["snippet"], isTerminal: boolean): string {
  if (!isTerminal) return cleanLine(text);
  let at = 0;
  let line = "";
  for (const [start, end] of marks) {
    line +=
      cleanText(text.slice(at, start)) +
      styleText("bold", cleanText(text.slice(start, end)), { validateStream: false });
    at = end;
  }
  return (line + cleanText(text.slice(at))).trim();
}
