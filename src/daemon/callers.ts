import type { SharedServer } from "../adapters/adapter.ts";
import { type Caller, type Engine, humanSeat, type LoginRecord, type PeerRecord, scriptSeat } from "../core/index.ts";
import {
  ancestry,
  bootId,
  connectionOwner,
  describeChain,
  type LoopbackConnection,
  ownsConnection,
  type ProcessInfo,
  processCwd,
  processEnv,
} from "../platform/process.ts";
import { LIMITS, PID_HEADER, RepowireError, sameInstance } from "../protocol/index.ts";

/**
 * Who stands behind an HTTP request, from what the system knows of its process: inside an agent's process tree it is that peer; a
 * terminal outside every agent tree is the person of this machine; anything else is a script, without a person's rights.
 */
export interface Callers {
  resolve(request: Request, connection: LoopbackConnection | undefined): Promise<Caller>;
  /** The person whose browser this is; refused to a browser that an agent session runs. */
  loggedIn(login: LoginRecord, request: Request, connection: LoopbackConnection | undefined): Promise<Caller>;
  /** The process behind a connection, proven or undefined. */
  process(request: Request, connection: LoopbackConnection | undefined): ProcessInfo[] | undefined;
}

/** Set by agent CLIs for everything they start: such a process is no person's terminal, even with its parents gone. */
const AGENT_MARKS = [
  "CLAUDECODE",
  "CLAUDE_CODE_SESSION_ID",
  "CODEX_SANDBOX",
  "CODEX_THREAD_ID",
  "GEMINI_CLI",
  "OPENCODE",
] as const;

export interface CallersParts {
  engine: Engine;
  humanName: string;
  /** Some agent CLIs run what all their sessions start in one server: the parents of such a command tell nothing. */
  sharedBy(process: ProcessInfo): SharedServer | undefined;
}

export function createCallers(parts: CallersParts): Callers {
  function provenChain(request: Request, connection: LoopbackConnection | undefined): ProcessInfo[] | undefined {
    if (!connection) return undefined;
    const claimed = Number(request.headers.get(PID_HEADER));
    if (Number.isInteger(claimed) && claimed > 0) {
      if (ownsConnection(claimed, connection)) return ancestry(claimed);
      throw new RepowireError(
        "unauthorized",
        `This request says it comes from process ${claimed}, but its connection belongs to another. Leave out ${PID_HEADER}.`,
      );
    }
    const owner = connectionOwner(connection);
    return owner === undefined ? undefined : ancestry(owner);
  }

  async function seatFor(kind: "human" | "script"): Promise<PeerRecord> {
    return parts.engine.run((ctx) => (kind === "human" ? humanSeat(ctx, parts.humanName) : scriptSeat(ctx)));
  }

  /** A browser keeps its connections in one process: the last one is looked at before all others. */
  const browsers = new Map<string, number>();

  function browserChain(login: string, connection: LoopbackConnection | undefined): ProcessInfo[] {
    if (!connection) return [];
    const known = browsers.get(login);
    const owner = known !== undefined && ownsConnection(known, connection) ? known : connectionOwner(connection);
    if (owner === undefined) return [];
    browsers.delete(login);
    browsers.set(login, owner);
    for (const oldest of browsers.keys()) if (browsers.size > LIMITS.loginsMax) browsers.delete(oldest);
    return ancestry(owner);
  }

  return {
    process: provenChain,
    async loggedIn(login, _request, connection) {
      const peer = peerOfChain(parts.engine, browserChain(login.id, connection));
      if (peer)
        throw new RepowireError(
          "human_required",
          `This browser runs inside the session of ${peer.name}: what it does is not a person's. Log in with a browser of your own.`,
        );
      const seat = await seatFor("human");
      return {
        peer: seat.id,
        role: seat.role,
        isHuman: true,
        mayBeSubagent: false,
        login: login.id,
        chain: `dashboard login ${login.id}, link made by ${login.made_by}`,
      };
    },
    async resolve(request, connection) {
      const chain = provenChain(request, connection);
      const peer = chain && (await peerBehind(parts.engine, chain, parts.sharedBy));
      if (peer)
        return { peer: peer.id, role: peer.role, isHuman: false, mayBeSubagent: true, chain: describeChain(chain) };
      const kind = chain && isPersonsTerminal(chain) ? "human" : "script";
      const seat = await seatFor(kind);
      return {
        peer: seat.id,
        role: seat.role,
        isHuman: kind === "human",
        mayBeSubagent: false,
        chain: chain && describeChain(chain),
      };
    },
  };
}

/**
 * The session that a process works for: the nearest among its ancestors. Behind a shared server the command itself names it; the
 * server's own parent is merely the terminal that happened to start it.
 */
async function peerBehind(
  engine: Engine,
  chain: readonly ProcessInfo[],
  sharedBy: CallersParts["sharedBy"],
): Promise<PeerRecord | undefined> {
  for (const [index, info] of chain.entries()) {
    const own = peerOfChain(engine, [info]);
    if (own) return own;
    const server = sharedBy(info);
    if (!server) continue;
    const named = chain.slice(0, index).map((below) => server.sessionOfCommand(below.pid));
    const { peer } = await server.caller(info, named.find(Boolean));
    return engine.read((ctx) => ctx.tx.peers.get(peer));
  }
  return undefined;
}

/** The registered session nearest in a chain of processes, of which each is the parent of the one before. */
export function peerOfChain(engine: Engine, chain: readonly ProcessInfo[]): PeerRecord | undefined {
  if (chain.length === 0) return undefined;
  const peers = engine.read((ctx) => ctx.tx.peers.all());
  for (const info of chain) {
    const instance = { pid: info.pid, started: info.started, boot: bootId() };
    const seats = peers.filter(
      (candidate) => sameInstance(candidate.instance, instance) && candidate.presence.state !== "offline",
    );
    if (seats.length > 1) return nearestSeat(seats, chain[0] && processCwd(chain[0].pid));
    if (seats[0]) return seats[0];
  }
  return undefined;
}

/** Of several seats of one process, that of the folder which the caller stands in; the innermost, where folders lie in one another. */
export function nearestSeat(seats: readonly PeerRecord[], cwd: string | undefined): PeerRecord | undefined {
  const isIn = (path: string | undefined) =>
    cwd !== undefined && path !== undefined && `${cwd}/`.startsWith(`${path}/`);
  const around = seats.filter((seat) => isIn(seat.path));
  return around.sort((a, b) => (b.path?.length ?? 0) - (a.path?.length ?? 0))[0] ?? seats[0];
}

function isPersonsTerminal(chain: readonly ProcessInfo[]): boolean {
  const [self] = chain;
  if (!self?.hasTerminal || self.uid !== process.getuid?.()) return false;
  // A command that was started in the background and left behind keeps the terminal, but not the shell that it came from.
  if (self.leader !== undefined && !chain.some((info) => info.pid === self.leader)) return false;
  return !chain.some((info) => AGENT_MARKS.some((mark) => processEnv(info.pid, mark) !== undefined));
}
