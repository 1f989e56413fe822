import type { Caller } from "../core/caller.ts";
import type { Engine } from "../core/engine.ts";
import type { Blobs, Calendar, Clock, Commits, Ids, Launcher, PeerRecord, Worktrees } from "../core/ports.ts";
import type {
  CallOptions,
  Finding,
  MeshEvent,
  MessageId,
  OperationName,
  OperationOutput,
  OperationParams,
  OwnTurn,
  Peer,
  PeerId,
  Places,
  UnreachableSession,
} from "../protocol/index.ts";
import type { Waits } from "./waits.ts";

export interface OperationDeps {
  engine: Engine;
  clock: Clock;
  calendar: Calendar;
  blobs: Blobs;
  ids: Ids;
  waits: Waits;
  launcher: Launcher;
  worktrees: Worktrees;
  commits: Commits;
  /** The name of the person who is asked for what needs one. */
  humanName: string;
  /** Calls back with every committed event of that message until the returned function is called. */
  onEventOf(message: MessageId, listener: (event: MeshEvent) => void): () => void;
  /** A link that logs one browser in, once; `madeBy` is kept with the login. */
  loginLink(madeBy: string): OperationOutput<"login_link">;
  /** What the configuration lists for starting sessions. */
  spawnOptions: OperationOutput<"spawn_options">;
  /** Looks for sessions that run without setup, over all runtimes. */
  discover(places: Places): Promise<{
    found: { peer: PeerId; isNew: boolean; can: readonly string[] }[];
    unreachable: UnreachableSession[];
  }>;
  /** What the session's own record has of its user and its model, masked and bounded; or why it cannot be read. */
  ownTurns(peer: PeerRecord): Promise<{ turns: OwnTurn[]; isWhole: boolean } | { reason: string }>;
  /** What the daemon can say of itself. */
  daemon: DaemonView;
  /** Asks the other end of a route for a sign of life; throws what went wrong. */
  probe(route: string): Promise<void>;
  /** Runs the user's notifier once; throws where none is configured. */
  tryNotifier(): Promise<OperationOutput<"try_notifier">>;
}

export interface DaemonView {
  findings(online: readonly Peer[], probes: OperationOutput<"probe">["probes"]): Promise<Finding[]>;
  samples(): OperationOutput<"samples">;
  /** Throws what makes the log unreadable. */
  log(cursor: string | undefined): OperationOutput<"daemon_log">;
}

export interface Call<Name extends OperationName> {
  caller: Caller;
  params: OperationParams<Name>;
  options: CallOptions;
}

export type Handler<Name extends OperationName> = (call: Call<Name>) => Promise<OperationOutput<Name>>;
export type Handlers = { [Name in OperationName]: Handler<Name> };
