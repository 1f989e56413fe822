import type { ApprovalRecord, Claim, Evidence, PeerRecord, Route } from "../core/index.ts";
import type { ProcessInfo } from "../platform/process.ts";
import type {
  DeliverResult,
  Envelope,
  Hello,
  HookReply,
  HookReport,
  MessageId,
  PeerId,
  Places,
  Rung,
  Runtime,
  UnreachableSession,
} from "../protocol/index.ts";
import type { OwnTurns } from "./own-turns.ts";

/** What carries messages on a route: a link, a socket of the session, a pane. */
export interface Transport {
  /** Hands over and says for each message what really happened. A rejection means that nothing is known. */
  deliver(items: Envelope[]): Promise<DeliverResult[]>;
  /** Drops a message that was not handed over yet, if that is still possible. */
  cancel?(message: MessageId): void;
  /** Resolves when the session's side has given a sign of life. Nothing is shown there, and no model hears of it. */
  probe(): Promise<void>;
  /** What the session's own side reads of its record now; absent where it cannot. */
  ownTurns?(): Promise<OwnTurns>;
}

/** Where adapters register the ways they open into sessions. */
export interface Transports {
  addTransport(route: string, transport: Transport): void;
  removeTransport(route: string): void;
  transportOf(route: string): Transport | undefined;
}

/** How a runtime's link serves its session; absent where the link carries tools only. */
export interface LinkProfile {
  rung: Rung;
  serves: Route["serves"];
  needsProof: boolean;
}

export interface Verdict {
  approval: ApprovalRecord;
  verdict: "allow" | "deny" | "withdrawn";
  reason?: string;
}

export interface Discovery {
  /** `can`: what works with such a session as it is, in words for people. */
  found: { peer: PeerId; isNew: boolean; can: readonly string[] }[];
  unreachable: UnreachableSession[];
}

/**
 * A process of a runtime that carries several sessions, so that the process table does not tell whose call it makes: the session
 * names itself (in a call's metadata, in a command's environment), and is believed only if that process is known to hold it.
 */
export interface SharedServer {
  isShared(process: ProcessInfo): boolean;
  /** The session that a command was started in, from the environment of one of its processes. */
  sessionOfCommand(pid: number): string | undefined;
  /** The session that a tool call names in its metadata. */
  sessionOfCall(meta: Record<string, unknown> | undefined): string | undefined;
  /** Throws `RepowireError` when that process holds no such session. */
  caller(process: ProcessInfo, session: string | undefined): Promise<{ peer: PeerId; isSubagent: boolean }>;
}

/**
 * What the daemon needs from a runtime. An adapter tells core what happens in its sessions (turns, receipts, limits, questions)
 * through the engine, and opens routes into them; everything else is the same for all runtimes.
 */
export interface RuntimeAdapter {
  readonly runtime: Runtime;
  /** How messages go down a link of this runtime, judged by how its process was started. */
  linkProfile(hello: Hello): LinkProfile | undefined;
  readonly shared?: SharedServer;
  /** A session joined, came back or was found: look after it. Safe to repeat. */
  attach(peer: PeerRecord): void;
  /** Something was handed to this peer: look for receipts until it is settled. */
  watch(peer: PeerId): void;
  /** Whether this tool call may come from a subagent, whose acts prove nothing about the main conversation. */
  mayBeSubagent(peer: PeerRecord, toolUseId: string | undefined): boolean;
  /** A person decided a permission request of one of its sessions, or it is void. */
  onVerdict(verdict: Verdict): void;
  /** A hook of this runtime reports; the reply is printed to its CLI. */
  onHook(report: HookReport, signal: AbortSignal): Promise<HookReply>;
  /** The output of a hook reply that carried messages was written. */
  onHookPrinted(pid: number, lease: string): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Finds sessions that run without any setup and can be reached natively, and gives them their seats; absent where nothing can.
   * Safe to repeat.
   */
  discover?(places: Places): Promise<Discovery>;
  /**
   * What the session's own record shows of these deliveries, in their order: read anew from its start, and independent of what gave
   * the receipts. Absent where there is no record that could be read as a whole.
   */
  evidence?(peer: PeerRecord, claims: readonly Claim[]): Promise<Evidence[]>;
  /** What the session's own record has of its user and its model, read now; absent where there is none to be read. */
  ownTurns?(peer: PeerRecord): Promise<OwnTurns>;
  /** How it is, for `/health`. */
  health(): { ok: boolean; detail?: string };
}
