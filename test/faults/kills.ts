import type { PeerKind } from "./driver.ts";
import type { Random } from "./random.ts";
import type { Peer, World } from "./world.ts";

/** `kill -9`, stop and continue at seeded instants while everybody talks to everybody. */
const PEERS: readonly [string, PeerKind][] = [
  ["ant", "link"],
  ["bee", "link"],
  ["cat", "link"],
  ["dog", "link"],
  ["elk", "link"],
  ["fox", "link"],
  ["gnu", "session"],
  ["hen", "session"],
];
const SENDS_EVERY_MS = 45;
const BETWEEN_KILLS_MS = 700;
const PAUSE_MS = 1_500;

export interface Kills {
  readonly done: number;
  run(count: number): Promise<void>;
}

export function createKills(world: World, random: Random, say: (text: string) => void): Kills {
  const { mesh } = world;
  const coming = new Map<string, Promise<unknown>>();
  let done = 0;

  const there = (): Peer[] =>
    PEERS.flatMap(([name]) => {
      const peer = world.peers.get(name);
      return peer && !coming.has(name) && !peer.isGone ? [peer] : [];
    });

  function sendSomething(): void {
    const from = there();
    if (from.length === 0) return;
    const peer = random.pick(from);
    // A session's turn costs three processes: it gets less.
    const others = PEERS.filter(([name, kind]) => name !== peer.name && (kind === "link" || random.chance(0.4)));
    const to = random.pick(others)[0];
    const roll = random.int(100);
    const kind = roll < 45 ? "ask" : roll < 96 ? "notify" : "broadcast";
    const urgency = roll < 70 ? "normal" : random.pick(["normal", "urgent", "fyi"]);
    const waitSeconds = kind === "ask" && random.chance(0.6) ? random.pick([2, 6]) : 0;
    // Told or not, the books have it.
    void peer.send({
      kind,
      to: kind === "broadcast" ? "all" : to,
      urgency,
      waitSeconds,
      bytes: random.chance(0.1) ? 3_000 : 20,
    });
  }

  /** As a person restarts a session that broke. */
  function comeBack(name: string, kind: PeerKind, afterMs: number): void {
    const back = (async () => {
      await Bun.sleep(afterMs);
      await world.peer(name, kind);
    })();
    coming.set(name, back);
    void back.then(() => coming.delete(name));
    // Awaited with all others at the end of the run, where a failure is said.
    back.catch(() => {});
  }

  async function killDaemon(): Promise<string> {
    const pid = mesh.pid();
    if (pid === undefined || !signal(pid, "SIGKILL")) return "no daemon to kill";
    done++;
    const after = random.int(500);
    await Bun.sleep(after);
    await mesh.start();
    return `daemon, back after ${after} ms`;
  }

  async function killPeer(what: "link" | "agent"): Promise<string> {
    const all = there();
    if (all.length === 0) return "nobody to kill";
    const peer = random.pick(all);
    const kind = peer.kind;
    if (!signal(what === "link" ? peer.linkPid : peer.pid, "SIGKILL")) return "it was gone already";
    done++;
    coming.set(peer.name, Promise.resolve());
    const after = random.int(600);
    await Bun.sleep(kind === "session" ? random.int(200) : 0);
    await peer.kill();
    comeBack(peer.name, kind, after);
    return `${what} of ${peer.name} (${kind}), back after ${after} ms`;
  }

  async function pause(): Promise<string> {
    const all = there();
    const pids = [mesh.pid(), ...all.flatMap((peer) => [peer.pid, peer.linkPid])].filter((pid) => pid !== undefined);
    const pid = random.chance(0.4) ? mesh.pid() : random.pick(pids);
    if (pid === undefined || !signal(pid, "SIGSTOP")) return "nobody to stop";
    const ms = 50 + random.int(PAUSE_MS);
    await Bun.sleep(ms);
    signal(pid, "SIGCONT");
    return `process ${pid} stood still for ${ms} ms`;
  }

  return {
    get done() {
      return done;
    },
    async run(count) {
      await mesh.start();
      await Promise.all(PEERS.map(([name, kind]) => world.peer(name, kind)));
      const sending = setInterval(sendSomething, SENDS_EVERY_MS);
      const target = done + count;
      try {
        while (done < target) {
          await Bun.sleep(random.int(BETWEEN_KILLS_MS));
          const roll = random.int(100);
          const what =
            roll < 35 ? killDaemon() : roll < 60 ? killPeer("link") : roll < 80 ? killPeer("agent") : pause();
          say(`${done}/${target} ${await what}`);
        }
      } finally {
        clearInterval(sending);
        await Promise.all(coming.values());
      }
      if (mesh.pid() === undefined) await mesh.start();
      const missing = PEERS.filter(([name]) => !there().some((peer) => peer.name === name));
      if (missing.length > 0) throw new Error(`not back: ${missing.map(([name]) => name).join(", ")}`);
    },
  };
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    // It ended by itself meanwhile.
    return false;
  }
}
