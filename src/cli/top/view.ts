import { styleText } from "node:util";
import type { Peer, PeerId } from "../../protocol/index.ts";
import { cleanLine, duration, plural, timeOfDay } from "../../words/index.ts";
import { type Column, fitTable } from "../fit-table.ts";
import { byName, byState, type Overview, STATES, waitingFor } from "../overview.ts";
import { addressOf, paintPresence } from "../overview-text.ts";

/** What `repowire top` shows, as lines for a size. Pure but for colours, which follow the terminal. */

export const ORDERS = ["who waits", "name", "messages"] as const;
export type Order = (typeof ORDERS)[number];
export type Rates = ReadonlyMap<PeerId, number>;

export interface View {
  overview: Overview | undefined;
  /** What keeps it from being looked at now. */
  trouble: string | undefined;
  /** When it was looked at last, epoch ms. */
  lookedAt: number;
  order: Order;
  /** How many peers are scrolled away above. */
  offset: number;
  rates: Rates;
}

export function sorted(peers: readonly Peer[], order: Order, rates: Rates): Peer[] {
  const rate = ({ id }: Peer) => rates.get(id) ?? 0;
  if (order === "name") return peers.toSorted(byName);
  if (order === "messages") return peers.toSorted((a, b) => rate(b) - rate(a) || byName(a, b));
  return peers.toSorted(byState);
}

export function headline(overview: Overview, now: number): string {
  const waiting = waitingFor(overview);
  const count = (state: string) => overview.peers.filter(({ presence }) => presence.state === state).length;
  const facts = STATES.filter((state) => count(state) > 0)
    .map((state) => `${count(state)} ${state === "online" ? "idle" : state}`)
    .join(", ");
  const waits =
    waiting > 0
      ? `${plural(waiting, "thing")} wait${waiting === 1 ? "s" : ""} on you: repowire`
      : "nothing waits on you";
  return `repowire  ${timeOfDay(now, now)}  ${plural(overview.peers.length, "peer")}${facts ? ` (${facts})` : ""}  ${waits}`;
}

/** One table, for `width` columns. */
export function topTable(peers: readonly Peer[], rates: Rates, width: number, now: number): string[] {
  return fitTable(
    columnsOf(peers),
    peers.map((peer) => cellsOf(peer, rates, now)),
    width,
  );
}

const columnsOf = (peers: readonly Peer[]): Column[] => [
  { head: "NAME", min: 10, max: 32 },
  { head: "RUNTIME", drops: 6 },
  { head: "STATE", min: 14, paint: (cell, row) => paintPresence(cell, peers[row]) },
  { head: "FOR", isNumber: true },
  { head: "DOING", min: 10, drops: 3 },
  { head: "IN", isNumber: true },
  { head: "OUT", isNumber: true },
  { head: "MSG/MIN", isNumber: true },
  { head: "REACHED BY", min: 10, drops: 2 },
  { head: "UNREAD", isNumber: true, drops: 5 },
  { head: "BRANCH", min: 8, max: 30, drops: 4 },
];

function cellsOf(peer: Peer, rates: Rates, now: number): string[] {
  const { presence, open_asks, unread, branch, description } = peer;
  const count = (n: number | undefined) => (n ? String(n) : "");
  return [
    cleanLine(addressOf(peer)),
    peer.role === "agent" ? peer.runtime : peer.role,
    stateText(peer, now),
    duration(Math.max(0, now - presence.since)),
    description ? cleanLine(description) : "",
    count(open_asks?.to_answer),
    count(open_asks?.asked),
    count(rates.get(peer.id)),
    rungText(peer),
    count(unread),
    branch ? cleanLine(branch) : "",
  ];
}

function stateText({ presence: { state, detail, until, transition } }: Peer, now: number): string {
  if (transition) return transition;
  if (state === "limited" && until !== undefined) return `limited to ${timeOfDay(until, now)}`;
  return `${state === "online" ? "idle" : state}${detail && state !== "offline" ? ` (${cleanLine(detail)})` : ""}`;
}

function rungText({ delivery }: Peer): string {
  if (!delivery) return "";
  if (!delivery.proven_by) return `${delivery.rung}, unproven`;
  return delivery.latency_ms === undefined ? delivery.rung : `${delivery.rung} ${duration(delivery.latency_ms)}`;
}

/** The whole screen: never more lines than rows, nor wider than columns. */
export function screenLines(view: View, { columns, rows }: { columns: number; rows: number }, now: number): string[] {
  const { overview, trouble, order, rates } = view;
  const peers = overview ? sorted(overview.peers, order, rates) : [];
  const top = trouble
    ? [paint("red", trouble), overview ? `As it was at ${timeOfDay(view.lookedAt, now)}; goes on when it is back.` : ""]
    : [overview ? headline(overview, now) : "looking…", ""];
  const [head = "", ...body] = topTable(peers, rates, columns, now);
  const room = Math.max(1, rows - top.length - 3);
  const offset = Math.min(view.offset, Math.max(0, body.length - room));
  const shown = body.slice(offset, offset + room);
  const below = body.length - offset - shown.length;
  const hidden = [offset > 0 ? `${offset} above` : "", below > 0 ? `${below} below` : ""].filter(Boolean).join(", ");
  const keys = `q ends   s sorts (by ${order})   ↑↓ scroll${hidden ? `   ${hidden}` : ""}`;
  const table = peers.length > 0 ? [paint("dim", head), ...shown] : overview ? ["No session has joined yet."] : [];
  return [...top, ...table, "", paint("dim", keys)].slice(0, rows);
}

/** How far one may scroll. */
export const offsetMax = (peers: number, rows: number): number => Math.max(0, peers - Math.max(1, rows - 5));

const paint = (colour: Parameters<typeof styleText>[0], text: string): string =>
  styleText(colour, text, { stream: process.stdout });
