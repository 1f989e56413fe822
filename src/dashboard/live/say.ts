import type { AskState, DeliveryState, MessageKind, Peer, PresenceState, Rung, Runtime } from "../../protocol/index.ts";

/** How the page says what the protocol names. */

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = seconds / 60;
  if (minutes < 120) return `${Math.round(minutes)} min`;
  const hours = minutes / 60;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}

export function fileSize(bytes: number): string {
  if (bytes < 1_000) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** An age in a list: no seconds, which would flicker. */
export function age(ms: number): string {
  return ms < 60_000 ? "just now" : `${duration(ms)} ago`;
}

/** How long something has lasted, for a list. */
export function span(ms: number): string {
  return ms < 60_000 ? "under a minute" : duration(ms);
}

export function timeOf(at: number, now: number): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return now - at < 20 * 3_600_000
    ? time
    : `${date.toLocaleDateString([], { month: "short", day: "numeric" })} ${time}`;
}

export const RUNTIME: Record<Runtime, string> = {
  "claude-code": "Claude Code",
  opencode: "OpenCode",
  codex: "Codex",
  gemini: "Gemini CLI",
  terminal: "terminal",
  script: "script",
  mcp: "MCP client",
  memory: "in memory",
};

export const PRESENCE: Record<PresenceState, string> = {
  online: "online",
  busy: "busy",
  waiting: "waits for its person",
  limited: "usage limit",
  offline: "offline",
};

export const RUNG: Record<Rung, string> = {
  channel: "channel",
  inbox_socket: "inbox socket",
  push: "push",
  hook: "hooks",
  pane: "terminal pane",
  result: "tool result",
  pull: "its own inbox call",
};

/** A state with what is proven by it. */
export interface Said {
  word: string;
  means: string;
  tone: "quiet" | "moving" | "good" | "warn" | "bad";
  mark: string;
}

export const DELIVERY: Record<DeliveryState, Said> = {
  queued: { word: "queued", means: "stored; not handed over yet", tone: "quiet", mark: "○" },
  leased: { word: "handing over", means: "on its way; nothing is proven yet", tone: "moving", mark: "◔" },
  presented: {
    word: "presented",
    means: "handed to its runtime; whether it was read is not proven",
    tone: "moving",
    mark: "◑",
  },
  seen: { word: "seen", means: "read: proven by a receipt of the recipient's side", tone: "good", mark: "●" },
  held: { word: "held", means: "kept back before it reaches the session", tone: "warn", mark: "‖" },
  refused: { word: "refused", means: "the recipient takes no messages", tone: "bad", mark: "✕" },
  expired: { word: "expired", means: "its time ran out unread", tone: "bad", mark: "✕" },
  dead: { word: "not delivered", means: "every attempt failed", tone: "bad", mark: "✕" },
  cancelled: { word: "withdrawn", means: "taken back before it was read", tone: "quiet", mark: "–" },
};

export const ASK: Record<AskState, Said> = {
  open: { word: "no answer yet", means: "the question is open", tone: "moving", mark: "?" },
  answered: { word: "answered", means: "an answer by its id", tone: "good", mark: "✓" },
  declined: { word: "declined", means: "the recipient said no, and why", tone: "warn", mark: "✕" },
  failed: { word: "failed", means: "it ended without an answer; the trace says why", tone: "bad", mark: "✕" },
  cancelled: { word: "withdrawn", means: "the asker took it back", tone: "quiet", mark: "–" },
  expired: { word: "expired", means: "nobody answered in time", tone: "bad", mark: "✕" },
};

export const KIND: Record<MessageKind, string> = {
  ask: "asks",
  answer: "answers",
  notify: "tells",
  broadcast: "tells all",
  permission: "asks permission",
};

/** Why a peer is as it is: what it waits for, until when it is limited, since when it is gone. */
export function presenceLine({ presence }: Peer, now: number): string {
  const since = span(now - presence.since);
  if (presence.transition) return presence.transition;
  switch (presence.state) {
    case "offline":
      return `offline since ${timeOf(presence.since, now)}`;
    case "waiting":
      return `waits for its person${presence.detail ? `: ${presence.detail}` : ""}, ${since}`;
    case "limited":
      return `usage limit${presence.until ? ` until ${timeOf(presence.until, now)}` : ""}`;
    case "busy":
      return `busy, ${since}`;
    case "online":
      return `idle, ${since}`;
    default:
      return presence.state satisfies never;
  }
}

/** The rung that serves a peer, and what proves that it does. */
export function rungLine({ delivery, presence }: Peer, now: number): string {
  if (presence.state === "offline") return "its mail waits";
  if (!delivery) return "no push: it reads its mail itself";
  const name = RUNG[delivery.rung];
  if (!delivery.proven_by || delivery.proven_at === undefined) return `${name}, not proven yet`;
  const fast = delivery.latency_ms === undefined ? "" : `, ${duration(delivery.latency_ms)}`;
  return `${name}, proven by ${delivery.proven_by} ${age(now - delivery.proven_at)}${fast}`;
}

/** A path from its end, which tells folders apart. */
export function shortPath(path: string): string {
  const parts = path.split("/").filter(Boolean);
  return parts.length <= 3 ? path : `…/${parts.slice(-2).join("/")}`;
}
