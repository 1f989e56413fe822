import type { MessageKind } from "../../protocol/index.ts";

/** Where in the page somebody is; it stands behind the `#`, so that every place has an address of its own. */
export type Route =
  | { view: "mesh" }
  | { view: "peer"; id: string }
  /** `open`: the message of it whose trace is shown. */
  | { view: "thread"; id: string; open?: string }
  | { view: "waits" }
  | { view: "find"; words: string; filters?: FindFilters }
  | { view: "health" }
  | { view: "worktrees" }
  | { view: "later" }
  /** Epoch milliseconds, and the number of the event that is looked at; without a span, the last hour. */
  | { view: "replay"; from?: number; to?: number; at?: number };

/** What a search is narrowed to. Days as they are typed, in the browser's own time zone. */
export interface FindFilters {
  /** Ids or names of peers. */
  peer?: string;
  from?: string;
  kind?: MessageKind;
  /** From the beginning of that day, to the end of this one: `2026-01-31`. */
  since?: string;
  until?: string;
}

export function parseRoute(text: string): Route {
  const [path = "", asked = ""] = text.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, rest = ""] = path.split(/\/(.*)/s);
  if (view === "find") return { view, words: decode(rest), filters: parseFilters(asked) };
  if (view === "replay") return { view, ...parseSpan(asked) };
  const [id = "", open = ""] = rest.split("/").map(decode);
  if (view === "peer" && id) return { view, id };
  if (view === "thread" && id) return { view, id, ...(open ? { open } : {}) };
  if (view === "waits" || view === "health" || view === "worktrees" || view === "later") return { view };
  return { view: "mesh" };
}

export function address(to: Route): string {
  if (to.view === "peer") return `#/peer/${encodeURIComponent(to.id)}`;
  if (to.view === "thread")
    return `#/thread/${encodeURIComponent(to.id)}${to.open ? `/${encodeURIComponent(to.open)}` : ""}`;
  if (to.view === "find") return `#/find/${encodeURIComponent(to.words)}${filterText(to.filters ?? {})}`;
  if (to.view === "replay") return `#/replay${spanText(to)}`;
  return `#/${to.view}`;
}

const KINDS: readonly string[] = ["ask", "answer", "notify", "broadcast", "permission"] satisfies MessageKind[];
const DAY = /^\d{4}-\d\d-\d\d$/;

/** An address may be typed by anybody: what is no filter is left out. */
function parseFilters(asked: string): FindFilters {
  const given = new URLSearchParams(asked);
  const text = (name: string) => given.get(name)?.slice(0, 200) || undefined;
  const day = (name: string) => (DAY.test(given.get(name) ?? "") ? text(name) : undefined);
  const kind = text("kind");
  return {
    peer: text("peer"),
    from: text("from"),
    kind: kind && KINDS.includes(kind) ? (kind as MessageKind) : undefined, // one of the list above
    since: day("since"),
    until: day("until"),
  };
}

function parseSpan(asked: string): { from?: number; to?: number; at?: number } {
  const given = new URLSearchParams(asked);
  const number = (name: string) => {
    const text = given.get(name) ?? "";
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  };
  const [from, to, at] = [number("from"), number("to"), number("at")];
  if (from === undefined || to === undefined || from >= to) return {};
  return { from, to, ...(at === undefined ? {} : { at }) };
}

function spanText({ from, to, at }: { from?: number; to?: number; at?: number }): string {
  if (from === undefined || to === undefined) return "";
  return `?from=${from}&to=${to}${at === undefined ? "" : `&at=${at}`}`;
}

function filterText(filters: FindFilters): string {
  const set = Object.entries(filters).filter(([, value]) => value !== undefined && value !== "");
  return set.length === 0 ? "" : `?${new URLSearchParams(set)}`;
}

/** An address that somebody typed may be no encoding at all. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
