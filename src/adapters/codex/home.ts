import { claimSeat, type Engine, endSession, type SessionStart, withdrawApprovals } from "../../core/index.ts";
import { readCheckout, realPath } from "../../platform/checkout.ts";
import { logger } from "../../platform/log.ts";
import { ancestors, type Instance, isAlive, processEnv } from "../../platform/process.ts";
import { readProjectFile } from "../../platform/project-file.ts";
import { CircleName, type PeerId, PeerName, RepowireError } from "../../protocol/index.ts";
import type { Transports, Verdict } from "../adapter.ts";
import type { FileReports } from "../files.ts";
import { type Approvals, createApprovals } from "./approvals.ts";
import { createControlClient } from "./control.ts";
import { createEmbeddedTuis, type EmbeddedTuis } from "./embedded.ts";
import { type CodexSession, createCodexSession, routeOf } from "./session.ts";
import { isSession } from "./threads.ts";
import { findResumed, findTui, type Tui } from "./tui.ts";
import { oursInQueue } from "./turns.ts";
import {
  LoadedThreads,
  McpStatus,
  Nothing,
  QueuePage,
  ReadThread,
  StatusChanged,
  type Thread,
  ThreadClosed,
  ThreadStarted,
} from "./wire.ts";

const log = logger("codex");

/** One CODEX_HOME: its shared server, the TUIs that are its clients, and what they show. */
export interface CodexHome {
  readonly path: string;
  readonly serverPid: number | undefined;
  readonly isUp: boolean;
  sessions(): readonly CodexSession[];
  /** The session that shows this thread, or whose thread this one works for; waits a moment for one that is just found. */
  sessionOf(thread: string, withinMs?: number): Promise<{ session: CodexSession; isSubagent: boolean } | undefined>;
  /** Resolves when the server was joined and its threads were looked at, or after `withinMs`. */
  settled(withinMs: number): Promise<void>;
  readonly approvals: Approvals;
  /** Terminals that are no clients of the server. */
  readonly embedded: EmbeddedTuis;
  onVerdict(verdict: Verdict): void;
  /** Once a second: looks after what is open. */
  tick(isUnsettled: (peer: PeerId) => boolean): void;
  start(): void;
  stop(): Promise<void>;
}

export interface CodexHomeParts {
  path: string;
  engine: Engine;
  transports: Transports;
  humanName: string;
  files: FileReports;
}

/** A thread's TUI is found within moments of its start (the TUI's own server may come after the thread). */
/** How long the turn of a terminal that ended is followed. */
const LEFT_TURN_MS = 600_000;
const FIND_TRIES = 12;
const FIND_EVERY_MS = 400;
const OWNER_WAIT_MS = 4_000;
const PARENTS_MAX = 8;

export function createCodexHome(parts: CodexHomeParts): CodexHome {
  const { path, engine } = parts;
  const byPid = new Map<number, CodexSession>();
  const loaded = new Set<string>();
  const withoutTerminal = new Set<string>();
  /** Threads whose terminal ended while the server keeps them: nothing is told when another one resumes them (0.169.0). */
  const left = new Map<string, { session: CodexSession; since: number }>();
  let isAdopting = false;
  const firstLook = Promise.withResolvers<void>();
  let taking: Promise<unknown> = Promise.resolve();

  const control = createControlClient(path, {
    onUp: () => void up().catch(fault),
    onDown: () => void down().catch(fault),
    onNotice,
    onRequest: (id, method, params) => approvals.onRequest(id, method, params),
  });
  const approvals = createApprovals({ engine, control, humanName: parts.humanName });
  const embedded = createEmbeddedTuis({ path, engine, transports: parts.transports, files: parts.files, startOf });

  function fault(error: unknown): void {
    if (error instanceof RepowireError && error.code === "unavailable") return;
    log.error("Codex could not be followed", { codex_home: path, error });
  }

  async function up(): Promise<void> {
    const { data } = await control.call("thread/loaded/list", {}, LoadedThreads);
    const threads: Thread[] = [];
    for (const threadId of data) {
      const read = await readThread(threadId);
      if (read) threads.push(read);
    }
    // Of several threads of one TUI, the one used last is the one that it shows.
    threads.sort((a, b) => (a.recencyAt ?? a.createdAt) - (b.recencyAt ?? b.createdAt) || a.createdAt - b.createdAt);
    for (const thread of threads) await consider(thread);
    firstLook.resolve();
    await emptyQueuesOfEnded(data);
    await offerTools(threads.filter(isSession));
  }

  /**
   * A thread that began while this daemon was down has none of our tools until its servers are started anew. That restarts the
   * others' servers too, so it is asked for only where it helps.
   */
  async function offerTools(threads: readonly Thread[]): Promise<void> {
    for (const { id: threadId } of threads) {
      const params = { threadId, serverName: "repowire", detail: "toolsAndAuthOnly" };
      const { data } = await control.call("mcpServerStatus/list", params, McpStatus);
      const ours = data.find((server) => server.name === "repowire");
      if (ours && ours.runtimeStatus !== "connected") {
        log.info("asked Codex to start its MCP servers anew", { codex_home: path, status: ours.runtimeStatus });
        await control.call("config/mcpServer/reload", {}, Nothing);
        return;
      }
    }
  }

  async function readThread(threadId: string): Promise<Thread | undefined> {
    try {
      return (await control.call("thread/read", { threadId }, ReadThread)).thread;
    } catch (error) {
      if (error instanceof RepowireError && error.code === "unavailable") throw error;
      // A helper thread that ended meanwhile.
      return undefined;
    }
  }

  /** Sessions that ended while this daemon was away may have left messages that would run with nobody looking. */
  async function emptyQueuesOfEnded(live: readonly string[]): Promise<void> {
    const ended = engine.read((ctx) =>
      ctx.tx.peers
        .all()
        .filter((peer) => peer.runtime === "codex" && peer.config_dir === path && peer.presence.state === "offline")
        .flatMap((peer) => peer.conversation ?? []),
    );
    for (const threadId of ended) {
      if ([...byPid.values()].some((session) => session.thread === threadId)) continue;
      await emptyQueueOf(threadId, live.includes(threadId));
    }
  }

  async function emptyQueueOf(threadId: string, isLoaded: boolean): Promise<void> {
    try {
      const queued = oursInQueue((await control.call("thread/queue/list", { threadId }, QueuePage)).data);
      for (const entry of queued) {
        if (!engine.read((ctx) => ctx.tx.messages.get(entry.message))) continue;
        await control.call("thread/queue/delete", { threadId, queuedSubmissionId: entry.id }, Nothing);
      }
    } catch (error) {
      if (error instanceof RepowireError && error.code === "unavailable") throw error;
      log.debug("the queue of an ended session could not be read", { thread: threadId, loaded: isLoaded, error });
    }
  }

  async function down(): Promise<void> {
    approvals.dropAll();
    loaded.clear();
    left.clear();
    withoutTerminal.clear();
    for (const session of byPid.values()) await release(session);
  }

  async function release(session: CodexSession): Promise<void> {
    byPid.delete(session.instance.pid);
    parts.transports.removeTransport(routeOf(session.instance));
    await session.close();
  }

  function onNotice(method: string, params: unknown): void {
    if (method === "thread/started") {
      const parsed = ThreadStarted.safeParse(params);
      if (parsed.success) void consider(parsed.data.thread).catch(fault);
    } else if (method === "thread/status/changed") {
      const parsed = StatusChanged.safeParse(params);
      if (parsed.success) void onStatus(parsed.data).catch(fault);
    } else if (method === "thread/closed") {
      const parsed = ThreadClosed.safeParse(params);
      if (parsed.success) loaded.delete(parsed.data.threadId);
    }
  }

  async function onStatus({ threadId, status }: StatusChanged): Promise<void> {
    const isBack = status.type !== "notLoaded" && !loaded.has(threadId);
    if (status.type === "notLoaded") loaded.delete(threadId);
    else loaded.add(threadId);
    const session = [...byPid.values()].find((known) => known.thread === threadId);
    if (!session) {
      // A thread that was loaded again was resumed in some TUI.
      const thread = isBack || status.type === "active" ? await readThread(threadId) : undefined;
      if (thread) await consider(thread);
      return;
    }
    await keepApproval(session, status);
    await session.noteStatus(status);
  }

  async function keepApproval(session: CodexSession, status: StatusChanged["status"]): Promise<void> {
    if (status.activeFlags?.includes("waitingOnApproval")) {
      await approvals.fetch(session.thread, session.peer);
      return;
    }
    approvals.drop(session.thread);
    await engine.run((ctx) => withdrawApprovals(ctx, session.peer, "decided in the session's own terminal"));
  }

  async function consider(thread: Thread): Promise<void> {
    loaded.add(thread.id);
    const tui = isSession(thread) ? await locate(thread) : undefined;
    if (tui) await takeSeat(tui, thread);
  }

  function takeSeat(tui: Tui, thread: Thread): Promise<void> {
    // One after the other, so that the last one that a TUI shows wins.
    const next = taking.then(() => seat(tui, thread));
    taking = next.catch(() => {});
    return next;
  }

  /** Other clients of the server (an editor, say) have threads without a terminal: those are looked for at length only once. */
  async function locate(thread: Thread): Promise<Tui | undefined> {
    const triesMax = withoutTerminal.has(thread.id) ? 1 : FIND_TRIES;
    for (let tries = 0; tries < triesMax && control.isUp; tries++) {
      const tui = await findTui(control, thread, path, (pid) => byPid.has(pid));
      if (tui) return tui;
      if (tries + 1 < triesMax) await Bun.sleep(FIND_EVERY_MS);
    }
    if (!withoutTerminal.has(thread.id)) log.info("a thread without a terminal is no peer", { thread: thread.id });
    withoutTerminal.add(thread.id);
    return undefined;
  }

  async function adoptLeft(): Promise<void> {
    for (const [id, { session, since }] of left) {
      const thread = loaded.has(id) ? await readThread(id) : undefined;
      const tui = thread && findResumed(thread, path, (pid) => byPid.has(pid));
      if (!thread || tui) left.delete(id);
      if (thread && tui) await takeSeat(tui, thread);
      else if (Date.now() - since < LEFT_TURN_MS) await followLeft(session);
    }
  }

  /** The server goes on with the turn that a terminal left behind: what it reads and answers counts, until somebody has the seat again. */
  async function followLeft(session: CodexSession): Promise<void> {
    const isOffline = engine.read((ctx) => ctx.tx.peers.get(session.peer)?.presence.state === "offline");
    if (isOffline) await session.look();
  }

  async function seat(tui: Tui, thread: Thread): Promise<void> {
    const known = byPid.get(tui.instance.pid);
    if (known) {
      await known.show(thread);
      await known.look();
      return;
    }
    const start = startOf(tui.instance, tui.identity, thread);
    const peer = await engine.run((ctx) => claimSeat(ctx, start));
    const session = createCodexSession({
      engine,
      control,
      peer,
      instance: tui.instance,
      thread,
      onFiles: (used) => parts.files.used(peer.id, used),
    });
    byPid.set(tui.instance.pid, session);
    parts.transports.addTransport(routeOf(tui.instance), session.transport);
    await session.open();
    if (thread.status.activeFlags?.includes("waitingOnApproval")) await approvals.fetch(thread.id, peer.id);
    log.info("session joined", { peer: peer.id, name: peer.name, runtime: "codex", pid: tui.instance.pid });
  }

  /** Wishes come from the TUI's own environment: that of the server is of whichever pane started it. */
  function startOf(instance: Instance, identity: Tui["identity"], thread: Thread): SessionStart {
    const folder = realPath(thread.cwd);
    const checkout = readCheckout(folder);
    const project = readProjectFile(checkout?.root ?? folder);
    const { pid } = instance;
    return {
      runtime: "codex",
      role: "agent",
      instance,
      conversation: thread.id,
      path: folder,
      branch: checkout?.branch,
      worktree_of: checkout?.worktreeOf,
      name: PeerName.safeParse(processEnv(pid, "REPOWIRE_NAME") ?? project.name).data,
      circle: CircleName.safeParse(processEnv(pid, "REPOWIRE_CIRCLE") ?? project.circle).data,
      config_dir: path,
      capabilities: ["relay_permissions"],
      identity,
      ancestors: ancestors(pid),
    };
  }

  async function sessionOf(
    threadId: string,
    withinMs = OWNER_WAIT_MS,
  ): Promise<{ session: CodexSession; isSubagent: boolean } | undefined> {
    const deadline = Date.now() + withinMs;
    do {
      const found = await ownerOf(threadId);
      if (found) return found;
      await Bun.sleep(FIND_EVERY_MS / 2);
    } while (Date.now() < deadline);
    return undefined;
  }

  async function ownerOf(threadId: string): Promise<{ session: CodexSession; isSubagent: boolean } | undefined> {
    let at: string | null | undefined = threadId;
    for (let depth = 0; at && depth < PARENTS_MAX; depth++) {
      const session = allSessions().find((known) => known.thread === at);
      if (session && isAlive(session.instance)) return { session, isSubagent: depth > 0 };
      at = control.isUp ? (await readThread(at))?.parentThreadId : undefined;
    }
    return undefined;
  }

  const allSessions = (): CodexSession[] => [...byPid.values(), ...embedded.sessions()];

  async function endOf(session: CodexSession): Promise<void> {
    await release(session);
    if (loaded.has(session.thread)) left.set(session.thread, { session, since: Date.now() });
    approvals.drop(session.thread);
    await engine.run((ctx) => endSession(ctx, session.peer, "its process ended"));
    await session.emptyQueue().catch(fault);
  }

  return {
    path,
    get serverPid() {
      return control.serverPid;
    },
    get isUp() {
      return control.isUp;
    },
    sessions: allSessions,
    embedded,
    sessionOf,
    settled: (withinMs) => Promise.race([firstLook.promise, Bun.sleep(withinMs)]),
    approvals,
    onVerdict: (verdict) =>
      approvals.onVerdict(verdict, (threadId) =>
        [...byPid.values()].some(
          (session) => session.thread === threadId && session.status.activeFlags?.includes("waitingOnApproval"),
        ),
      ),
    tick(isUnsettled) {
      void embedded.scan().catch(fault);
      if (left.size > 0 && control.isUp && !isAdopting) {
        isAdopting = true;
        void adoptLeft()
          .catch(fault)
          .finally(() => {
            isAdopting = false;
          });
      }
      for (const session of embedded.sessions())
        if (session.hasQueued || isUnsettled(session.peer)) void session.look().catch(fault);
      for (const session of byPid.values()) {
        if (!isAlive(session.instance)) void endOf(session).catch(fault);
        else if (session.hasQueued || isUnsettled(session.peer)) void session.look().catch(fault);
      }
    },
    start: () => control.start(),
    async stop() {
      control.stop();
      embedded.stop();
      for (const session of byPid.values()) parts.transports.removeTransport(routeOf(session.instance));
      byPid.clear();
    },
  };
}
