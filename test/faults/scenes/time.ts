import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Scene } from "./scene.ts";

const DAY_MS = 86_400_000;

export const clockJumps: Scene = {
  name: "the wall clock jumps",
  async run(world) {
    const { mesh } = world;
    const file = join(world.root, "clock");
    const jump = async (ms: number) => {
      writeFileSync(file, String(ms));
      await Bun.sleep(150);
    };
    await jump(0);
    await mesh.start({ preload: join(import.meta.dir, "..", "jumping-clock.ts"), env: { FAULTS_CLOCK: file } });
    const [ant, bee] = await Promise.all([world.peer("ant", "link"), world.peer("bee", "link")]);
    if (!ant || !bee) throw new Error("not all joined");
    for (const days of [2, -2, 400, -400, 0]) {
      // Mail lies in the mailbox while the clock jumps over its day.
      process.kill(bee.pid, "SIGSTOP");
      const flood = ant.send({ kind: "notify", to: "bee", times: 20, bytes: 100 });
      const asked = ant.send({ kind: "ask", to: "bee", waitSeconds: 10 });
      await Bun.sleep(100);
      await jump(days * DAY_MS);
      await Bun.sleep(1_200);
      process.kill(bee.pid, "SIGCONT");
      await Promise.all([flood, asked]);
    }
    const verdict = await world.settle();
    const ledger = await mesh.ledger();
    const ended = ledger.filter(
      (message) => message.deliveries.some(({ state }) => state === "expired") || message.ask?.state === "expired",
    );
    if (ended.length > 0) throw new Error(`${ended.length} messages expired because somebody set the clock`);
    return verdict;
  },
};

/** Longer than a lease and than three missed pings. */
const SLEEP_MS = 50_000;

export const sleepAndWake: Scene = {
  name: "everything sleeps and wakes",
  async run(world) {
    const { mesh } = world;
    await mesh.start();
    const [ant, bee] = await Promise.all([
      world.peer("ant", "link"),
      world.peer("bee", "link"),
      world.peer("gnu", "session"),
    ]);
    const sending = [
      ant.send({ kind: "ask", to: "bee", waitSeconds: 6 }),
      bee.send({ kind: "ask", to: "gnu", waitSeconds: 6 }),
      ant.send({ kind: "notify", to: "gnu", times: 20 }),
      ant.send({ kind: "notify", to: "bee", times: 200, bytes: 2_000 }),
    ];
    await Bun.sleep(30);
    const pids = [mesh.pid() ?? 0, ...[...world.peers.values()].flatMap((peer) => [peer.pid, peer.linkPid])];
    for (const pid of new Set(pids)) process.kill(pid, "SIGSTOP");
    await Bun.sleep(SLEEP_MS);
    for (const pid of new Set(pids)) process.kill(pid, "SIGCONT");
    await Promise.all(sending);
    await Promise.all([
      ant.send({ kind: "ask", to: "bee", waitSeconds: 10 }),
      bee.send({ kind: "ask", to: "gnu", waitSeconds: 10 }),
    ]);
    return world.settle();
  },
};

export const portTaken: Scene = {
  name: "its port is taken when it comes back",
  async run(world) {
    const { mesh } = world;
    await mesh.start();
    const port = mesh.port() ?? 0;
    const [ant] = await Promise.all([world.peer("ant", "link"), world.peer("bee", "link")]);
    await ant.send({ kind: "notify", to: "bee", times: 20 });
    await mesh.stop();
    const other = Bun.serve({ hostname: "127.0.0.1", port, fetch: () => new Response("somebody else") });
    const asked = ant.send({ kind: "ask", to: "bee", waitSeconds: 10 });
    try {
      const said = await mesh.start({ port }).then(
        () => "it started",
        (error: Error) => error.message,
      );
      if (!said.includes(String(port)) || !/used by another/.test(said))
        throw new Error(`with its port taken it said: ${said}`);
    } finally {
      await other.stop(true);
    }
    await mesh.start({ port });
    await asked;
    await ant.send({ kind: "ask", to: "bee", waitSeconds: 10 });
    return world.settle();
  },
};
