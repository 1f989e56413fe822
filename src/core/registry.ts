import {
  type Capability,
  DEFAULT_CIRCLE,
  LIMITS,
  NAME_PATTERN,
  type Peer,
  type PeerId,
  type Presence,
  type ProcessInstance,
  RepowireError,
  type Role,
  type Runtime,
  sameInstance,
} from "../protocol/index.ts";
import { type Context, emit, stir } from "./context.ts";
import { effectiveInbound } from "./inbound.ts";
import { lookOf } from "./look-alikes.ts";
import type { PeerRecord } from "./ports.ts";
import { chooseRoute } from "./routes.ts";

/** A session as an adapter, hook or link found it. Paths are real paths. */
export interface SessionStart {
  runtime: Runtime;
  role: Role;
  instance?: ProcessInstance;
  /** Tells the seats of one process apart, where it has several. */
  key?: string;
  conversation?: string;
  path?: string;
  branch?: string;
  worktree_of?: string;
  /** Wishes: an explicit name or circle from flag, environment or project file. */
  name?: string;
  circle?: string;
  config_dir?: string;
  capabilities: Capability[];
  identity: "proven" | "asserted";
  /** Its living parents, nearest first: a session that repowire started is known by the process that it was started as. */
  ancestors?: readonly ProcessInstance[];
  /** A seat for this session alone: never one that waits for its next session, and gone when this one ends. */
  temporary?: boolean;
}

/**
 * Gives a session its seat: the one this very process already has; else the one its resumed conversation left; else the lowest
 * free seat of its folder, whatever runtime sat there; else a new one. The seat keeps its name and mailbox.
 */
export function claimSeat(ctx: Context, start: SessionStart): PeerRecord {
  const all = ctx.tx.peers.all();
  const held = all.find((peer) => sameInstance(peer.instance, start.instance) && peer.key === start.key);
  const free = start.temporary
    ? []
    : all.filter(
        (peer) => peer.presence.state === "offline" && peer.role === start.role && !peer.temporary && !isExpected(peer),
      );
  const seat = held ?? launchedSeat(all, start) ?? resumedSeat(free, start) ?? folderSeat(free, start);
  return seat ? takeSeat(ctx, seat, start, held !== undefined) : newSeat(ctx, start);
}

/** Its own session is on its way: nobody else takes it. */
export function isExpected(peer: PeerRecord): boolean {
  return peer.launch?.phase === "starting" || peer.launch?.phase === "restarting";
}

/** The seat that this very process was started for. Until its pane is noted, its name, folder and runtime tell. */
function launchedSeat(all: readonly PeerRecord[], start: SessionStart): PeerRecord | undefined {
  return all.find((peer) => {
    if (!isExpected(peer) || peer.presence.state !== "offline" || start.temporary) return false;
    const root = peer.launch?.pane?.root;
    if (root)
      return sameInstance(root, start.instance) || start.ancestors?.some((above) => sameInstance(above, root)) === true;
    return (
      peer.launch?.runtime === start.runtime &&
      peer.name === start.name &&
      peer.circle === start.circle &&
      peer.path === start.path
    );
  });
}

function resumedSeat(free: PeerRecord[], start: SessionStart): PeerRecord | undefined {
  if (!start.conversation) return undefined;
  return free.find((peer) => peer.runtime === start.runtime && peer.conversation === start.conversation);
}

function folderSeat(free: PeerRecord[], start: SessionStart): PeerRecord | undefined {
  if (!start.path) return undefined;
  const here = free
    .filter((peer) => peer.path === start.path && (start.circle === undefined || peer.circle === start.circle))
    .sort((a, b) => a.seat - b.seat);
  return start.name === undefined ? here[0] : here.find((peer) => peer.name === start.name);
}

function takeSeat(ctx: Context, seat: PeerRecord, start: SessionStart, same: boolean): PeerRecord {
  // The same process in another conversation: `changeConversation` records that, with what follows from it.
  // Where it was started to continue one, that is its conversation until it says another.
  const continued = isExpected(seat) ? seat.conversation : undefined;
  const conversation = (same ? seat.conversation : undefined) ?? start.conversation ?? continued;
  const next: PeerRecord = {
    ...seat,
    runtime: start.runtime,
    path: start.path ?? seat.path,
    branch: start.branch ?? (same ? seat.branch : undefined),
    worktree_of: start.worktree_of ?? (same ? seat.worktree_of : undefined),
    instance: start.instance ?? seat.instance,
    key: start.key,
    conversation,
    config_dir: start.config_dir ?? (same ? seat.config_dir : undefined),
    capabilities: same ? union(seat.capabilities, start.capabilities) : start.capabilities,
    identity: start.identity,
    last_seen_at: ctx.now.wall,
    // Whoever takes the seat of one that ended was not started by repowire.
    launch: same ? seat.launch : isExpected(seat) ? arrived(seat) : undefined,
    ...(same
      ? {}
      : {
          proofs: {},
          turn: undefined,
          transcript: undefined,
          permission_mode: undefined,
          had_link: false,
          resume_hash: undefined,
          description: undefined,
          described_at: undefined,
        }),
  };
  ctx.tx.peers.put(next);
  if (!same) ctx.live.setActivity(ctx.tx, seat.id, { state: "unknown", since_awake: ctx.now.awake });
  if (next.presence.state === "offline") setPresence(ctx, next.id, { state: "online" });
  return mustGet(ctx, seat.id);
}

function arrived({ launch }: PeerRecord): PeerRecord["launch"] {
  return launch && { ...launch, phase: "running", until_awake: undefined };
}

function union<T>(a: readonly T[], b: readonly T[]): T[] {
  return [...new Set([...a, ...b])];
}

export function newSeat(ctx: Context, start: SessionStart): PeerRecord {
  const circle = start.circle ?? DEFAULT_CIRCLE;
  const peer: PeerRecord = {
    id: ctx.ids.peer(),
    seat: ctx.tx.peers.nextSeat(),
    name: freeName(ctx, circle, start.name ?? nameFromPath(start.path)),
    circle,
    role: start.role,
    runtime: start.runtime,
    machine: ctx.config.machine,
    path: start.path,
    branch: start.branch,
    worktree_of: start.worktree_of,
    instance: start.instance,
    key: start.key,
    conversation: start.conversation,
    config_dir: start.config_dir,
    capabilities: start.capabilities,
    identity: start.identity,
    presence: { state: start.role === "human" ? "offline" : "online", since: ctx.now.wall },
    proofs: {},
    had_link: false,
    temporary: start.temporary,
    last_seen_at: ctx.now.wall,
    joined_at: ctx.now.wall,
  };
  ctx.tx.peers.put(peer);
  emit(ctx, {
    type: "peer.joined",
    peer: peer.id,
    data: { name: peer.name, circle, runtime: peer.runtime, role: peer.role },
  });
  return peer;
}

/** The folder's name as a peer name: what the pattern does not allow becomes a dash. */
export function nameFromPath(path: string | undefined): string {
  const last = path?.split("/").filter(Boolean).at(-1) ?? "peer";
  const dashed = last
    .replace(/[^\p{L}\p{N}._-]+/gu, "-")
    .replace(/^[^\p{L}\p{N}_]+/u, "")
    .replace(/-+$/u, "")
    .slice(0, LIMITS.nameCharsMax - 4);
  return NAME_PATTERN.test(dashed) ? dashed : "peer";
}

/** `name`, or `name-2`, `name-3` …: unique in its circle, also among empty seats, so that a name always means the same seat. A name that looks like a taken one is taken too. */
export function freeName(ctx: Context, circle: string, wanted: string): string {
  const taken = new Set(
    ctx.tx.peers
      .all()
      .filter((peer) => peer.circle === circle)
      .map((peer) => lookOf(peer.name)),
  );
  if (!taken.has(lookOf(wanted))) return wanted;
  for (let n = 2; ; n++) {
    const number = `-${n}`;
    const name = wanted.slice(0, LIMITS.nameCharsMax - number.length) + number;
    if (!taken.has(lookOf(name))) return name;
  }
}

/** Presence with what repowire is doing to the session right now. */
export function presenceOf({ presence, launch }: PeerRecord): Presence {
  const phase = launch?.phase;
  if (phase === undefined || phase === "running" || phase === "ended") return presence;
  return { ...presence, transition: phase };
}

export function mustGet(ctx: Context, id: PeerId): PeerRecord {
  const peer = ctx.tx.peers.get(id);
  if (!peer) throw new RepowireError("peer_not_found", "That seat was removed from the mesh.");
  return peer;
}

/** Records a changed presence; silent where nothing changed. */
export function setPresence(ctx: Context, id: PeerId, to: Omit<Presence, "since">): void {
  const peer = ctx.tx.peers.get(id);
  if (!peer) return;
  const was = peer.presence;
  if (was.state === to.state && was.detail === to.detail && was.until === to.until) return;
  const since = was.state === to.state ? was.since : ctx.now.wall;
  ctx.tx.peers.put({ ...peer, presence: { ...to, since }, last_seen_at: ctx.now.wall });
  emit(ctx, { type: "peer.presence", peer: id, data: { name: peer.name, ...to, was: was.state } });
  stir(ctx, id);
}

/** Whose name this is in a circle, or looks like it. */
export function nameHolder(ctx: Context, circle: string, name: string, except?: PeerId): PeerRecord | undefined {
  const look = lookOf(name);
  return ctx.tx.peers.all().find((peer) => peer.id !== except && peer.circle === circle && lookOf(peer.name) === look);
}

/** The beginning of the sentence in which a name is refused. */
export function nameTaken(name: string, holder: PeerRecord): string {
  const how = holder.name === name ? "is" : `looks like "${holder.name}", which is`;
  return `"${name}" ${how} already a peer of circle "${holder.circle}"`;
}

export function rename(ctx: Context, peer: PeerRecord, name: string): PeerRecord {
  if (peer.name === name) return peer;
  const holder = nameHolder(ctx, peer.circle, name, peer.id);
  if (holder) {
    throw new RepowireError(
      "name_taken",
      `${nameTaken(name, holder)}${holder.path ? ` (${holder.path})` : ""}. Choose another name.`,
    );
  }
  ctx.tx.peers.put({ ...peer, name });
  emit(ctx, { type: "peer.renamed", peer: peer.id, data: { name, was: peer.name } });
  return mustGet(ctx, peer.id);
}

/** Into another circle, under the same name, which must be free there. */
export function moveTo(ctx: Context, peer: PeerRecord, circle: string, chain: string | undefined): PeerRecord {
  if (peer.circle === circle) return peer;
  if (nameHolder(ctx, circle, peer.name)) {
    throw new RepowireError(
      "name_taken",
      `Circle "${circle}" already has a peer named like "${peer.name}". Rename one first: repowire peer rename.`,
    );
  }
  ctx.tx.peers.put({ ...peer, circle });
  emit(ctx, { type: "peer.moved", peer: peer.id, data: { name: peer.name, circle, was: peer.circle, chain } });
  stir(ctx, peer.id);
  return mustGet(ctx, peer.id);
}

/** What a person has appointed a session to. It is that session's alone: whoever takes its seat later has to be appointed anew. */
export function setRole(
  ctx: Context,
  peer: PeerRecord,
  role: "agent" | "orchestrator",
  chain: string | undefined,
): PeerRecord {
  if (peer.role !== "agent" && peer.role !== "orchestrator")
    throw new RepowireError("forbidden", `${peer.name} is no session (${peer.role}), so it has no other role.`);
  if (role === "orchestrator" && (peer.presence.state === "offline" || peer.identity !== "proven"))
    throw new RepowireError(
      "session_state",
      `${peer.name} is ${peer.presence.state === "offline" ? "offline" : "not proven to be the session that it says"}. Only a proven session that runs can be appointed.`,
    );
  if (peer.role === role) return peer;
  ctx.tx.peers.put({ ...peer, role });
  emit(ctx, { type: "peer.role", peer: peer.id, data: { name: peer.name, role, was: peer.role, chain } });
  return mustGet(ctx, peer.id);
}

export function describe(ctx: Context, peer: PeerRecord, text: string): PeerRecord {
  const description = text === "" ? undefined : text.replace(/\s+/g, " ");
  ctx.tx.peers.put({ ...peer, description, described_at: description ? ctx.now.wall : undefined });
  emit(ctx, { type: "peer.described", peer: peer.id, data: { name: peer.name, description: description ?? "" } });
  return mustGet(ctx, peer.id);
}

/** The other sessions of a peer's circle that are there now: whom it may ask. */
export function othersOnline(ctx: Context, peer: PeerRecord): PeerRecord[] {
  const isOther = (other: PeerRecord) => other.id !== peer.id && other.circle === peer.circle && other.role !== "human";
  return ctx.tx.peers.all().filter((other) => isOther(other) && other.presence.state !== "offline");
}

/** The public view of a seat, with what only live state knows. */
export function publicPeer(ctx: Context, peer: PeerRecord): Peer {
  const {
    seat: _seat,
    instance: _i,
    key: _k,
    conversation: _c,
    config_dir: _d,
    transcript: _t,
    turn: _u,
    proofs,
    ...rest
  } = peer;
  const {
    inbound_policy: _p,
    quiet_until: _q,
    permission_mode: _m,
    had_link: _h,
    resume_hash: _r,
    temporary: _y,
    launch,
    ...open
  } = rest;
  const route = chooseRoute(ctx, peer.id, []);
  const rung = route?.rung ?? (peer.capabilities.includes("hooks") ? "hook" : "pull");
  const proof = proofs[rung];
  const inbound = effectiveInbound(ctx, peer);
  return {
    ...open,
    presence: presenceOf(peer),
    spawned_by: launch && launch.phase !== "ended" ? ctx.tx.peers.get(launch.spawner)?.name : undefined,
    delivery:
      peer.presence.state === "offline"
        ? undefined
        : { rung, proven_by: proof?.by, proven_at: proof?.at, latency_ms: proof?.latency_ms },
    inbound: inbound.policy,
    inbound_reason: inbound.reason,
    unread: ctx.tx.deliveries.count(peer.id, ["queued", "held"]),
    open_asks: { to_answer: ctx.tx.asks.openTo(peer.id).length, asked: ctx.tx.asks.openFrom(peer.id).length },
    pid: peer.presence.state === "offline" ? undefined : peer.instance?.pid,
  };
}
