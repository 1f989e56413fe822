import { until, type World } from "../world.ts";
import type { Scene } from "./scene.ts";

const BURST = 5_000;
const STORM = 1_000;

function toldBy(world: World): { accepted: number; codes: Map<string, number> } {
  const codes = new Map<string, number>();
  let accepted = 0;
  for (const { what } of world.book()) {
    if (what.type !== "told") continue;
    if (what.said === "accepted") accepted++;
    else codes.set(what.code ?? what.text, (codes.get(what.code ?? what.text) ?? 0) + 1);
  }
  return { accepted, codes };
}

export const burst: Scene = {
  name: `${BURST} messages at once`,
  async run(world) {
    const { mesh, driver } = world;
    await mesh.start();
    const names = ["bee", "cat", "dog", "elk"];
    const [ant, , , , elk] = await Promise.all(["ant", ...names].map((name) => world.peer(name, "link")));
    if (!ant || !elk) throw new Error("not all joined");
    // One of them reads nothing: its mailbox has to fill, aloud.
    process.kill(elk.pid, "SIGSTOP");
    try {
      await Promise.all(names.map((to) => ant.send({ kind: "notify", to, times: BURST / names.length })));
    } finally {
      process.kill(elk.pid, "SIGCONT");
    }
    const { accepted, codes } = toldBy(world);
    const allowed = [driver.refusals.mailboxFull, driver.refusals.overloaded];
    const others = [...codes].filter(([code]) => !allowed.includes(code));
    if (others.length > 0) throw new Error(`refused otherwise: ${JSON.stringify(others)}`);
    if (accepted + [...codes.values()].reduce((sum, n) => sum + n, 0) !== BURST)
      throw new Error("not every one was answered for");
    if (!codes.has(driver.refusals.mailboxFull)) throw new Error("a full mailbox was never said");
    return world.settle();
  },
};

export const slowReader: Scene = {
  name: "a reader that stands still",
  async run(world) {
    const { mesh, driver } = world;
    await mesh.start();
    const [ant, bee] = await Promise.all(["ant", "bee", "cat"].map((name) => world.peer(name, "link")));
    if (!ant || !bee) throw new Error("not all joined");
    process.kill(bee.pid, "SIGSTOP");
    let slowest = 0;
    try {
      // More than the sockets' own buffers, and more than the mailbox.
      const flood = ant.send({ kind: "notify", to: "bee", times: driver.limits.mailbox + 100, bytes: 7_500 });
      for (let i = 0; i < 20; i++) {
        const from = performance.now();
        await ant.send({ kind: "ask", to: "cat", waitSeconds: 10 });
        slowest = Math.max(slowest, performance.now() - from);
      }
      await flood;
    } finally {
      process.kill(bee.pid, "SIGCONT");
    }
    if (slowest > 8_000) throw new Error(`others waited ${Math.round(slowest)} ms for the one that does not read`);
    const { codes } = toldBy(world);
    if (!codes.has(driver.refusals.mailboxFull)) throw new Error("a full mailbox was never said");
    return world.settle();
  },
};

export const storm: Scene = {
  name: `${STORM} links at once`,
  async run(world) {
    const { mesh } = world;
    await mesh.start();
    const [ant] = await Promise.all([world.peer("ant", "link"), world.peer("bee", "link")]);
    const crowd = world.crowd(STORM);
    try {
      await until("all are in", () => crowd.joined() >= STORM, 60_000);
      await ant.send({ kind: "ask", to: "bee", waitSeconds: 20 });
      // All at once lose their daemon, and come back at once.
      process.kill(mesh.pid() ?? 0, "SIGKILL");
      await Bun.sleep(100);
      await mesh.start();
      await ant.send({ kind: "ask", to: "bee", waitSeconds: 20 });
      const health = await mesh.health();
      if (!health.ok) throw new Error(health.text);
    } finally {
      await crowd.end();
    }
    return world.settle();
  },
};

export const tooMany: Scene = {
  name: "more links than there may be",
  async run(world) {
    const { mesh, driver } = world;
    await mesh.start();
    const [ant, bee] = await Promise.all([world.peer("ant", "link"), world.peer("bee", "link")]);
    if (!ant || !bee) throw new Error("not all joined");
    const over = 30;
    const crowd = world.crowd(driver.limits.links - 2 + over, 64);
    try {
      await until("as many are in as may be", () => crowd.joined() >= driver.limits.links - 2, 240_000);
      await ant.send({ kind: "ask", to: "bee", waitSeconds: 20 });
    } finally {
      await crowd.end();
    }
    // There is room again, for somebody new too.
    await world.peer("cat", "link");
    await ant.send({ kind: "ask", to: "cat", waitSeconds: 20 });
    return world.settle();
  },
};
