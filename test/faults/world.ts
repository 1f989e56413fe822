import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { processInfo } from "../../src/platform/process.ts";
import { type Entry, readBook } from "./book.ts";
import { compare, type Fault, unsettled, type Verdict } from "./compare.ts";
import type { FaultDriver, LedgerMessage, MeshUnderTest, PeerKind } from "./driver.ts";
import { type CrowdSetup, PeerCommand, type PeerEvent, type PeerSetup } from "./orders.ts";

/** One mesh under test with its peers' processes and their books. */
export interface World {
  readonly root: string;
  readonly mesh: MeshUnderTest;
  readonly driver: FaultDriver;
  /** Starts a peer (again): resolves when it joined. */
  peer(name: string, kind: PeerKind): Promise<Peer>;
  readonly peers: ReadonlyMap<string, Peer>;
  book(): Entry[];
  /**
   * Waits until nothing moves that should, then compares; what does not settle is a fault of its own. With `from` (epoch ms), what was
   * written down before counts no more.
   */
  settle(patienceMs?: number, from?: number): Promise<Verdict>;
  /** Many more sessions that only come and stay, so many of them on their way at once (by default all). */
  crowd(size: number, atOnce?: number): Crowd;
  close(): Promise<void>;
}

export interface Crowd {
  joined(): number;
  end(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  readonly kind: PeerKind;
  /** The agent's process, and the one that holds its link. */
  readonly pid: number;
  readonly linkPid: number;
  readonly isGone: boolean;
  /** Resolves when it was told the outcome; never when its process ends before. */
  send(command: Partial<PeerCommand> & Pick<PeerCommand, "kind" | "to">): Promise<void>;
  kill(): Promise<void>;
}

const JOIN_MS = 30_000;
/** Whose a connection is, is looked up among the open files of its process: no process has thousands of sessions. */
const CROWD_PER_PROCESS = 1_000;
const CHANNEL_FLAG = "--channels=server:repowire";

export function createWorld(
  driver: FaultDriver,
  driverFile: string,
  build: string,
  root: string,
  home?: string,
): World {
  const journals = join(root, "journals");
  mkdirSync(journals, { recursive: true });
  const mesh = driver.mesh({ build, root, home });
  const peers = new Map<string, Peer>();
  const children = new Set<Subprocess>();
  const pids = new Set<number>();
  let runs = 0;
  let sent = 0;

  async function peer(name: string, kind: PeerKind): Promise<Peer> {
    const spec = mesh.spec({ name, kind });
    const setup: PeerSetup = { driver: driverFile, spec, journals, run: String(++runs) };
    const done = new Map<string, () => void>();
    const ready = Promise.withResolvers<Extract<PeerEvent, { type: "ready" }>>();
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "peer.ts"), CHANNEL_FLAG], {
      cwd: spec.folder,
      env: { ...spec.env, FAULTS_PEER: JSON.stringify(setup) },
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(join(root, `${name}.err`)),
      ipc(event: PeerEvent) {
        if (event.type === "ready") ready.resolve(event);
        else done.get(event.n)?.();
      },
    });
    children.add(child);
    void child.exited.then(() => ready.reject(new Error(`${name} ended before it joined (see ${root}/${name}.err)`)));
    const joined = await within(ready.promise, JOIN_MS, `${name} did not join`);
    const linkPid = joined.linkPid ?? child.pid;
    pids.add(child.pid).add(linkPid);
    const one: Peer = {
      name: joined.name,
      kind,
      pid: child.pid,
      linkPid,
      get isGone() {
        return !processInfo(child.pid) || !processInfo(linkPid);
      },
      send(command) {
        const n = String(++sent);
        const whole = PeerCommand.parse({ n, urgency: "normal", waitSeconds: 0, bytes: 0, times: 1, ...command });
        const { promise, resolve } = Promise.withResolvers<void>();
        done.set(n, resolve);
        child.send(whole);
        return promise;
      },
      async kill() {
        child.kill("SIGKILL");
        await child.exited;
        children.delete(child);
      },
    };
    peers.set(name, one);
    return one;
  }

  const bookFrom = (from: number) => readBook(journals).filter((entry) => entry.at >= from);

  function crowd(size: number, atOnce = size): Crowd {
    const spec = mesh.spec({ name: "crowd", kind: "link" });
    let joined = 0;
    let isOver = false;
    const started: Bun.Subprocess[] = [];
    /** The next process starts when all of the one before are in. */
    function startNext(): void {
      const begun = started.length * CROWD_PER_PROCESS;
      if (isOver || begun >= size) return;
      const n = Math.min(CROWD_PER_PROCESS, size - begun);
      const run = `crowd-${started.length}`;
      const setup: CrowdSetup = { driver: driverFile, spec, journals, run, size: n, atOnce };
      let here = 0;
      const child = Bun.spawn([process.execPath, join(import.meta.dir, "crowd.ts")], {
        cwd: spec.folder,
        env: { ...spec.env, FAULTS_PEER: JSON.stringify(setup) },
        stdin: "ignore",
        stdout: "ignore",
        stderr: Bun.file(join(root, `${run}.err`)),
        ipc: () => {
          joined++;
          if (++here === n) startNext();
        },
      });
      started.push(child);
      children.add(child);
    }
    startNext();
    return {
      joined: () => joined,
      async end() {
        isOver = true;
        for (const child of started) child.kill("SIGKILL");
        for (const child of started) {
          await child.exited;
          children.delete(child);
        }
      },
    };
  }

  async function settle(patienceMs = 45_000, from = 0): Promise<Verdict> {
    let ledger: LedgerMessage[] = [];
    let book: Entry[] = [];
    let open = Number.POSITIVE_INFINITY;
    let quiet = 0;
    let silence: unknown;
    // As long as something gets settled, the rest may only be slow: sessions take one question at a time.
    for (let progressAt = Date.now(); quiet < 2 && Date.now() < progressAt + patienceMs; ) {
      await Bun.sleep(400);
      book = bookFrom(from);
      try {
        ledger = await mesh.ledger();
        silence = undefined;
      } catch (error) {
        // It may just be starting, or have much to do; what stays so is said below.
        silence = error;
        continue;
      }
      const left = unsettled(book, ledger).length;
      quiet = left === 0 ? quiet + 1 : 0;
      if (left < open || quiet > 0) progressAt = Date.now();
      open = left;
    }
    if (silence) throw silence;
    const verdict = compare(bookFrom(from), ledger);
    if (quiet === 2) return verdict;
    const faults = unsettled(book, ledger).map(
      (message): Fault => ({
        kind: "stuck",
        n: message.text.slice(0, 30),
        why: `${message.kind} from ${message.from}: nothing moved for ${patienceMs} ms`,
        history: [JSON.stringify(message.deliveries), JSON.stringify(message.ask ?? {}), ...message.history],
      }),
    );
    return { messages: verdict.messages, faults };
  }

  return {
    root,
    mesh,
    driver,
    peer,
    peers,
    book: () => readBook(journals),
    settle,
    crowd,
    async close() {
      for (const child of children) {
        child.kill("SIGKILL");
        await child.exited;
      }
      // A channel ends with its session's pipes; whatever does not is told apart by its own pid.
      const deadline = Date.now() + 3_000;
      while ([...pids].some((pid) => processInfo(pid)) && Date.now() < deadline) await Bun.sleep(20);
      await within(mesh.stop(), 20_000, "the daemon did not stop").catch(() => {
        const pid = mesh.pid();
        if (pid) process.kill(pid, "SIGKILL");
      });
    },
  };
}

export async function within<T>(promise: Promise<T>, ms: number, why: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${why} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export async function until(what: string, look: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await Bun.sleep(20);
  }
}
