import { styleText } from "node:util";
import type { Peer } from "../protocol/index.ts";
import { cleanLine, duration, plural, timeOfDay } from "../words/index.ts";
import { fit, fitTable } from "./fit-table.ts";
import { byState, type Overview } from "./overview.ts";

/** A terminal's size; absent where the text goes to a file or a program, which want whole lines and neither tables nor colours. */
export interface Screen {
  columns: number;
  rows: number;
}

/** The mesh, what waits, and the next step: on one screen where there is one. */
export function overviewText(overview: Overview, screen: Screen | undefined, now: number = Date.now()): string {
  const next = [
    `Next: ${nextStep(overview)}`,
    "Live: repowire top · in a browser: repowire dashboard · all: repowire --help",
  ];
  const sections = waitSections(overview, now);
  if (!screen) {
    const waits = sections.flatMap(({ lines, hint }) => [...lines, `  ${hint}`]);
    return [meshLines(overview.peers, now), waits.length > 0 ? ["Waits on you", ...waits] : [], next]
      .filter((part) => part.length > 0)
      .map((part) => part.join("\n"))
      .join("\n\n");
  }
  // The shell's own prompt wants a line, too.
  const room = screen.rows - 1 - next.length - 1;
  const waits = waitLines(sections, Math.max(4, Math.floor(room / 2)));
  const mesh = meshTables(overview.peers, screen.columns, room - waits.length - (waits.length > 0 ? 1 : 0), now);
  return [mesh, waits, next]
    .filter((part) => part.length > 0)
    .map((part) => part.map((line) => fit(line, screen.columns)).join("\n"))
    .join("\n\n");
}

const heading = (peers: readonly Peer[], circles: number): string =>
  `${plural(peers.length, "peer")} in the mesh${circles > 1 ? `, ${circles} circles` : ""}`;

/** A line for each peer, for `grep` and its like. */
function meshLines(peers: readonly Peer[], now: number): string[] {
  const circles = Map.groupBy(peers, ({ circle }) => circle);
  const lines = [...circles.values()].flatMap((members) =>
    members.toSorted(byState).map((peer) => {
      const facts = [
        kindText(peer),
        presenceText(peer, now),
        peer.branch && `on ${cleanLine(peer.branch)}`,
        questionsText(peer),
      ];
      const doing = peer.description ? `: ${cleanLine(peer.description)}` : "";
      return `  ${addressOf(peer)}  ${facts.filter(Boolean).join(", ")}${doing}`;
    }),
  );
  return [heading(peers, circles.size), ...lines];
}

/** A table for each circle; the least urgent are left out first, and counted. */
function meshTables(peers: readonly Peer[], columns: number, room: number, now: number): string[] {
  const circles = Map.groupBy(peers, ({ circle }) => circle);
  const frame = 1 + (circles.size > 1 ? circles.size : 0) + 1;
  const most = Math.max(3, room - frame - 1);
  const shown = peers.length <= room - frame ? peers : peers.toSorted(byState).slice(0, most);
  const left = peers.length - shown.length;
  // One table, so that the columns of all circles stand under each other.
  const ordered = [...Map.groupBy(shown, ({ circle }) => circle)];
  const members = ordered.flatMap(([, list]) => list.toSorted(byState));
  const indent = circles.size > 1 ? "  " : "";
  const [head = "", ...lines] = fitTable(
    meshColumns(members),
    members.map((peer) => cellsOf(peer, now)),
    columns - indent.length,
  );
  const out = [heading(peers, circles.size), `${indent}${paint("dim", head)}`];
  for (const [circle, list] of ordered) {
    if (circles.size > 1) out.push(paint("bold", cleanLine(circle)));
    out.push(...lines.splice(0, list.length).map((line) => indent + line));
  }
  if (left > 0) out.push(paint("dim", `${indent}and ${left} more: repowire peer list`));
  return out;
}

const meshColumns = (peers: readonly Peer[]) => [
  { head: "NAME", min: 10, max: 32 },
  { head: "RUNTIME", drops: 3 },
  { head: "PRESENCE", min: 25, paint: (cell: string, row: number) => paintPresence(cell, peers[row]) },
  { head: "QUESTIONS", drops: 1 },
  { head: "BRANCH", min: 8, max: 30, drops: 2 },
  { head: "DOING", min: 10, drops: 4 },
];

const cellsOf = (peer: Peer, now: number): string[] => [
  cleanLine(peer.name),
  kindText(peer),
  presenceText(peer, now),
  questionsText(peer),
  peer.branch ? cleanLine(peer.branch) : "",
  peer.description ? cleanLine(peer.description) : "",
];

type Colour = Parameters<typeof styleText>[0];
/** Only where this process writes to a terminal that wants colours. */
const paint = (colour: Colour, text: string): string => styleText(colour, text, { stream: process.stdout });

const PRESENCE_COLOURS: Record<Peer["presence"]["state"], Colour | undefined> = {
  waiting: "yellow",
  limited: "red",
  busy: "cyan",
  online: undefined,
  offline: "dim",
};

export function paintPresence(cell: string, peer: Peer | undefined): string {
  const colour = peer && PRESENCE_COLOURS[peer.presence.state];
  return colour ? paint(colour, cell) : cell;
}

export const addressOf = ({ name, circle }: Peer): string => (circle === "default" ? name : `${name}@${circle}`);
const kindText = ({ role, runtime }: Peer): string => (role === "agent" ? runtime : role);

export function presenceText({ presence }: Peer, now: number): string {
  const { state, detail, since, until, transition } = presence;
  const what = detail && state !== "offline" ? ` (${cleanLine(detail)})` : "";
  const long = state === "online" ? "" : ` for ${duration(Math.max(0, now - since))}`;
  const ends = until === undefined ? "" : `, until ${timeOfDay(until, now)}`;
  return `${state === "online" ? "idle" : state}${what}${long}${ends}${transition ? `, ${transition}` : ""}`;
}

export function questionsText({ open_asks }: Peer): string {
  if (!open_asks) return "";
  const { to_answer, asked } = open_asks;
  return [to_answer > 0 ? `${to_answer} to answer` : "", asked > 0 ? `${asked} asked` : ""].filter(Boolean).join(", ");
}

/** Things of one kind that wait, and the commands that decide them. */
interface WaitSection {
  lines: string[];
  hint: string;
}

const TEXT_CHARS = 60;
const short = (text: string): string => {
  const clean = cleanLine(text);
  return clean.length > TEXT_CHARS ? `${clean.slice(0, TEXT_CHARS).toWellFormed()}…` : clean;
};
/** The commands of one thing name it; of several, they say where its id goes. */
const idOf = (ids: readonly string[]): string => (ids.length === 1 ? (ids[0] ?? "ID") : "ID");

function waitSections(overview: Overview, now: number): WaitSection[] {
  const { approvals, questions, pauses, mismatches } = overview;
  const held = overview.held.filter((one) => one.can_decide);
  const permission = idOf(approvals.map(({ handle }) => handle));
  const question = idOf(questions.map(({ id }) => id));
  const message = idOf(held.map(({ id }) => id));
  const sections: WaitSection[] = [
    {
      lines: approvals.map(
        ({ handle, peer_name, tool, preview, requested_at }) =>
          `${handle}  ${cleanLine(peer_name)} wants ${cleanLine(tool)} since ${timeOfDay(requested_at, now)}: ${short(preview)}`,
      ),
      hint: `repowire approve ${permission}   or   repowire deny ${permission} [reason]`,
    },
    {
      lines: questionLines(overview, now),
      hint: `repowire inbox   and   repowire reply ${question} TEXT`,
    },
    {
      lines: held.map(
        ({ id, from, to, excerpt }) => `${id}  held, ${cleanLine(from)} to ${cleanLine(to)}: ${short(excerpt)}`,
      ),
      hint: `repowire release ${message}   or   repowire refuse ${message} [reason]`,
    },
    {
      lines: pauses.map(
        ({ id, peers, paused_at, reason }) =>
          `${id}  paused, ${peers.map(({ name }) => cleanLine(name)).join(" and ")} since ${timeOfDay(paused_at, now)}: ${short(reason)}`,
      ),
      hint: `repowire resume ${idOf(pauses.map(({ id }) => id))}`,
    },
    {
      lines:
        mismatches > 0
          ? [`${plural(mismatches, "delivery", "deliveries")} whose record differs from the recipient's own`]
          : [],
      hint: "repowire doctor",
    },
  ];
  return sections.filter(({ lines }) => lines.length > 0);
}

function questionLines({ questions, you }: Overview, now: number): string[] {
  const lines = questions.map(
    ({ id, from, text, asked_at }) =>
      `${id}  ${cleanLine(from)} asks you since ${timeOfDay(asked_at, now)}: ${short(text)}`,
  );
  const rest = you.to_answer - questions.length;
  return rest > 0 ? [...lines, `${plural(rest, lines.length > 0 ? "older question" : "question")} to you`] : lines;
}

/** Each kind keeps its first lines and its commands; how many were left out is said. */
function waitLines(sections: readonly WaitSection[], room: number): string[] {
  if (sections.length === 0) return [];
  const perSection = Math.max(1, Math.floor((room - 1) / sections.length) - 1);
  const lines = sections.flatMap(({ lines: all, hint }) => {
    const isCut = all.length > perSection;
    const shown = isCut ? all.slice(0, Math.max(1, perSection - 1)) : all;
    const more = isCut ? [`       and ${all.length - shown.length} more`] : [];
    return [...shown, ...more, `       ${paint("dim", hint)}`];
  });
  return [paint("bold", "Waits on you"), ...lines.map((line) => `  ${line}`)];
}

/** The one thing to do now, as a command. */
export function nextStep(overview: Overview): string {
  const { approvals, pauses, you, peers, mismatches } = overview;
  const [approval] = approvals;
  if (approval) return `repowire approve ${approval.handle}, or deny it: a session waits for it`;
  if (you.to_answer > 0) return "repowire inbox: a question waits for your answer";
  const [held] = overview.held.filter((one) => one.can_decide);
  if (held)
    return `repowire held: ${plural(overview.held.length, "message is", "messages are")} kept from their readers`;
  if (pauses[0]) return `repowire resume ${pauses[0].id}, when these two may write again`;
  if (mismatches > 0) return "repowire doctor: it says what differs";
  if (you.unread > 0) return `repowire inbox: ${plural(you.unread, "unread message")}`;
  if (!overview.is_set_up) return "repowire setup, which shows a plan, then connects your agent CLIs";
  const [first] = peers.filter(({ role }) => role !== "human");
  return first
    ? `nothing waits on you; ask one: repowire peer ask ${cleanLine(first.name)} "What are you working on?"`
    : "start a session as always in a folder of yours, or by repowire claude (codex, gemini, opencode)";
}
