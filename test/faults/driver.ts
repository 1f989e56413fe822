/**
 * All that the suite knows of the product under test. An implementation is one file; the suite can be pointed at another one by
 * `FAULTS_DRIVER=/path/to/driver.ts`, which has to export `driver`.
 */
export interface FaultDriver {
  /** Builds what is tested, as it would be installed, into `folder`. */
  build(folder: string): Promise<void>;
  /** One mesh with files of its own in `home`; nothing runs yet. */
  mesh(options: MeshOptions): MeshUnderTest;
  /** Called in a process of its own: this process becomes a peer. `onShown` is called for all that its session is shown. */
  join(spec: PeerSpec, onShown: (shown: Shown) => void): Promise<PeerConnection>;
  /** Refusal codes that mean "nothing of it was stored, and you can try again": too much mail, too much work, a full disk. */
  readonly refusals: { mailboxFull: string; overloaded: string; storageFull: string };
  readonly limits: { mailbox: number; links: number };
}

export interface MeshOptions {
  build: string;
  /** Everything of this mesh lies below. */
  root: string;
  /** The part of it that holds the product's files (a small disk, say); `root`/home without. */
  home?: string;
}

export interface MeshUnderTest {
  readonly home: string;
  readonly database: string;
  /** Starts the server and resolves when it answers; rejects with the sentence that it printed when it does not. */
  start(options?: StartOptions): Promise<void>;
  /** Asks it to stop in good order and waits for the end of its process. */
  stop(): Promise<void>;
  /** The process that serves now, whoever started it. */
  pid(): number | undefined;
  port(): number | undefined;
  /** What a peer process needs in its environment. */
  spec(peer: Pick<PeerSpec, "name" | "kind">): PeerSpec;
  /** What the product says about every message, oldest first. */
  ledger(): Promise<LedgerMessage[]>;
  /** Whether it says of itself that it is well, and what else it says. */
  health(): Promise<{ ok: boolean; text: string }>;
}

export interface StartOptions {
  port?: number;
  /** A script that is loaded into its process first, and what that needs in the environment. */
  preload?: string;
  env?: Record<string, string>;
}

/** `link`: a process that holds its link itself. `session`: an agent session with a channel process and hooks. */
export type PeerKind = "link" | "session";

export interface PeerSpec {
  name: string;
  kind: PeerKind;
  folder: string;
  home: string;
  build: string;
  env: Record<string, string>;
  /** Tells several peers of one process apart. */
  key?: string;
}

/** Something that a peer's session was shown: a message that was pushed, or that came with a result or a hook. */
export interface Shown {
  message?: string;
  handle?: string;
  kind: string;
  /** The number of the attempt where it is told; `again` says that it is not the first. */
  attempt?: number;
  again: boolean;
  text: string;
  via: "push" | "result" | "hook";
}

export type SendKind = "ask" | "notify" | "broadcast";

/** What a caller was told. `unknown`: neither stored nor not stored was said. */
export interface Told {
  said: "accepted" | "refused" | "unknown";
  /** State of the ask or of the delivery, as told. */
  state: string;
  code?: string;
  text: string;
  message?: string;
  /** Recipients of a broadcast. */
  to?: string[];
}

export interface PeerConnection {
  readonly name: string;
  /** The process whose end ends the link. */
  linkPid(): number | undefined;
  send(kind: SendKind, to: string, text: string, options: { waitSeconds: number; urgency: string }): Promise<Told>;
  reply(handle: string, text: string, decline: boolean): Promise<Told>;
  close(): Promise<void>;
}

export interface LedgerMessage {
  id: string;
  kind: string;
  from: string;
  /** How its text begins: at least 40 characters. */
  text: string;
  ask?: { state: string; answer?: string };
  deliveries: { to: string; handle: string; state: string; attempt: number; reason?: string }[];
  history: string[];
}
