import { statSync } from "node:fs";
import { claimSeat, type Engine, endSession, type SessionStart } from "../../core/index.ts";
import { logger } from "../../platform/log.ts";
import {
  commandLines,
  type Instance,
  instanceOf,
  isAlive,
  openFiles,
  processCwd,
  processEnv,
  processExecutable,
} from "../../platform/process.ts";
import type { Transports } from "../adapter.ts";
import type { FileReports } from "../files.ts";
import type { ControlClient } from "./control.ts";
import { createHelperClient } from "./helper.ts";
import { readTail, turnState } from "./rollout.ts";
import { type CodexSession, createCodexSession, routeOf } from "./session.ts";
import { isSession, isTui } from "./threads.ts";
import { codexHomeOf, isOwnTui } from "./tui.ts";
import { ReadThread, type Thread } from "./wire.ts";

/**
 * Terminals that run their agent themselves (`--no-daemon`, `daemon_auto_start = false`). Such a process holds the writer's lock of
 * its threads, which proves whose they are; what happens in it is read from the rollout, and its queue is on disk, where it
 * looks every ten seconds (0.169.0). A thread has neither rollout nor queue before its first prompt.
 */
export interface EmbeddedTuis {
  sessions(): readonly CodexSession[];
  /** Looks for terminals that came, and follows those that are known. */
  scan(): Promise<void>;
  /** A hook says that a dialog is about to open: nothing else tells. */
  noteDialog(thread: string): void;
  stop(): void;
}

export interface EmbeddedParts {
  path: string;
  engine: Engine;
  transports: Transports;
  files: FileReports;
  startOf(instance: Instance, identity: "proven" | "asserted", thread: Thread): SessionStart;
}

interface Terminal {
  session: CodexSession;
  control: ControlClient;
  isOpen: boolean;
  rolloutSize: number;
  hasDialog: boolean;
}

interface Held {
  thread: string;
  rollout?: string;
  usedAt: number;
}

const log = logger("codex");
/** Reading all command lines of a machine costs some milliseconds. */
const LOOK_FOR_NEW_MS = 3_000;
const LOCK = /\/thread-writer-locks\/([0-9a-f-]{36})\.lock$/;
const PASSED_ON = ["PATH", "HOME", "USER", "LANG", "SSL_CERT_FILE"] as const;

export function createEmbeddedTuis(parts: EmbeddedParts): EmbeddedTuis {
  const { engine, path } = parts;
  const terminals = new Map<number, Terminal>();
  let scanning: Promise<void> | undefined;
  let lookedAt = 0;

  async function scanOnce(): Promise<void> {
    if (Date.now() - lookedAt >= LOOK_FOR_NEW_MS) {
      lookedAt = Date.now();
      for (const { pid, args } of commandLines())
        if (isTui(args) && isOwnTui(pid) && codexHomeOf(pid) === path) await lookAt(pid);
    } else for (const pid of [...terminals.keys()]) await lookAt(pid);
    for (const [pid, terminal] of terminals) if (!isAlive(terminal.session.instance)) await end(pid, terminal);
  }

  async function lookAt(pid: number): Promise<void> {
    const current = heldBy(pid);
    if (current)
      await follow(pid, current).catch((error) => log.warning("a terminal was not followed", { pid, error }));
  }

  /** The thread that a process writes; of several (after `/clear` the old one is held for a while) the one used last. */
  function heldBy(pid: number): Held | undefined {
    const files = openFiles(pid).filter((file) => file.startsWith(`${path}/`));
    const held = files.flatMap((file): Held[] => {
      const thread = file.match(LOCK)?.[1];
      if (!thread) return [];
      const rollout = files.find((other) => other.endsWith(`-${thread}.jsonl`));
      return [{ thread, rollout, usedAt: Math.max(madeAt(thread), rollout ? writtenAt(rollout) : 0) }];
    });
    return held.sort((a, b) => b.usedAt - a.usedAt)[0];
  }

  async function follow(pid: number, held: Held): Promise<void> {
    const known = terminals.get(pid);
    if (known && known.session.thread === held.thread && known.isOpen) return watch(known, held);
    const instance = instanceOf(pid);
    if (!instance) return;
    const control = known?.control ?? createHelperClient(helperOf(pid));
    const thread = await threadOf(control, pid, held);
    if (!thread) return;
    const terminal = known ?? (await join(instance, control, thread));
    if (known) await known.session.show(thread);
    if (terminal.isOpen && !held.rollout) await shut(terminal);
    terminals.set(pid, terminal);
    // Codex queues nothing for a thread without a rollout: until its first prompt only hooks reach it.
    if (!held.rollout) return;
    terminal.isOpen = true;
    parts.transports.addTransport(routeOf(instance), terminal.session.transport);
    await terminal.session.open();
    await watch(terminal, held);
  }

  async function shut(terminal: Terminal): Promise<void> {
    terminal.isOpen = false;
    parts.transports.removeTransport(routeOf(terminal.session.instance));
    await terminal.session.close();
  }

  async function join(instance: Instance, control: ControlClient, thread: Thread): Promise<Terminal> {
    const start = { ...parts.startOf(instance, "proven", thread), capabilities: [] };
    const peer = await engine.run((ctx) => claimSeat(ctx, start));
    const session = createCodexSession({
      engine,
      control,
      peer,
      instance,
      thread,
      onFiles: (used) => parts.files.used(peer.id, used),
      polls: true,
    });
    log.info("session joined", { peer: peer.id, name: peer.name, runtime: "codex", pid: instance.pid, embedded: true });
    return { session, control, isOpen: false, rolloutSize: -1, hasDialog: false };
  }

  async function threadOf(control: ControlClient, pid: number, held: Held): Promise<Thread | undefined> {
    if (held.rollout) {
      const { thread } = await control.call("thread/read", { threadId: held.thread }, ReadThread);
      return isSession(thread) ? { ...thread, status: statusOf(held.rollout, false) } : undefined;
    }
    const cwd = processCwd(pid);
    return cwd === undefined
      ? undefined
      : { id: held.thread, cwd, status: { type: "idle" }, ephemeral: false, source: "cli", createdAt: 0 };
  }

  async function watch(terminal: Terminal, held: Held): Promise<void> {
    const size = held.rollout ? sizeOf(held.rollout) : 0;
    if (!held.rollout || (size === terminal.rolloutSize && !terminal.hasDialog)) return;
    // Whatever is written after the dialog opened comes from its end.
    if (size !== terminal.rolloutSize) terminal.hasDialog = false;
    terminal.rolloutSize = size;
    await terminal.session.noteStatus(statusOf(held.rollout, terminal.hasDialog));
  }

  async function end(pid: number, { session, control, isOpen }: Terminal): Promise<void> {
    terminals.delete(pid);
    parts.transports.removeTransport(routeOf(session.instance));
    await engine.run((ctx) => endSession(ctx, session.peer, "its process ended"));
    if (isOpen) await session.emptyQueue().catch((error) => log.debug("the queue of an ended terminal", { error }));
    control.stop();
  }

  /** The same program as the terminal's own, so that both agree about their files. */
  function helperOf(pid: number) {
    const env = Object.fromEntries(
      PASSED_ON.flatMap((name) => {
        const value = processEnv(pid, name);
        return value ? [[name, value]] : [];
      }),
    );
    return { command: processExecutable(pid) ?? "codex", codexHome: path, folder: path, env };
  }

  return {
    sessions: () => [...terminals.values()].map((terminal) => terminal.session),
    scan() {
      scanning ??= scanOnce().finally(() => {
        scanning = undefined;
      });
      return scanning;
    },
    noteDialog(thread) {
      for (const terminal of terminals.values()) {
        if (terminal.session.thread !== thread) continue;
        terminal.hasDialog = true;
        void terminal.session
          .noteStatus({ type: "active", activeFlags: ["waitingOnApproval"] })
          .catch((error) => log.debug("a dialog was not noted", { error }));
      }
    },
    stop() {
      for (const { session, control } of terminals.values()) {
        parts.transports.removeTransport(routeOf(session.instance));
        control.stop();
      }
      terminals.clear();
    },
  };
}

function statusOf(rollout: string, hasDialog: boolean): Thread["status"] {
  if (turnState(readTail(rollout)) === "idle") return { type: "idle" };
  return { type: "active", activeFlags: hasDialog ? ["waitingOnApproval"] : [] };
}

/** A UUIDv7 begins with the millisecond that it was made in. */
const madeAt = (thread: string): number => Number.parseInt(thread.replaceAll("-", "").slice(0, 12), 16);

const writtenAt = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
