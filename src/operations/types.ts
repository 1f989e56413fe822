import type { Caller } from "../core/caller.ts";
import type { Engine } from "../core/engine.ts";
import type { Calendar, Clock, Ids, Launcher, Worktrees } from "../core/ports.ts";
import type {
  Attachment,
  CallOptions,
  MeshEvent,
  MessageId,
  OperationName,
  OperationOutput,
  OperationParams,
  PeerId,
  Places,
  UnreachableSession,
} from "../protocol/index.ts";
import type { Waits } from "./waits.ts";

/** The bytes of attached files, which core knows by their hash only. */
export interface AttachedFiles {
  /** A part of a text from byte `offset`, at most `maxBytes` long, never cutting a character in two. */
  readText(
    file: Pick<Attachment, "sha256" | "size">,
    offset: number,
    maxBytes: number,
  ): Promise<{ part: string; end: number }>;
  /** The right to upload one file as that peer, for a moment. */
  ticket(peer: PeerId): OperationOutput<"upload_ticket">;
  /** Removes what goes with no message any more. */
  sweep(): Promise<void>;
}

export interface OperationDeps {
  engine: Engine;
  clock: Clock;
  calendar: Calendar;
  ids: Ids;
  waits: Waits;
  launcher: Launcher;
  worktrees: Worktrees;
  files: AttachedFiles;
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
  /** Asks the other end of a route for a sign of life; throws what went wrong. */
  probe(route: string): Promise<void>;
}

export interface Call<Name extends OperationName> {
  caller: Caller;
  params: OperationParams<Name>;
  options: CallOptions;
}

export type Handler<Name extends OperationName> = (call: Call<Name>) => Promise<OperationOutput<Name>>;
export type Handlers = { [Name in OperationName]: Handler<Name> };
