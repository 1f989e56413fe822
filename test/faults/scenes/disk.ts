import { existsSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until, type World } from "../world.ts";
import { type Scene, Skip } from "./scene.ts";

/** A disk of its own for the product's files: full, read-only. It needs root and a kernel that lets us mount. */
const DISK_BYTES = 6 * 1024 * 1024;

function mount(folder: string, ...words: string[]): string | undefined {
  const done = Bun.spawnSync(["mount", ...words, folder], { stderr: "pipe" });
  return done.exitCode === 0 ? undefined : done.stderr.toString().trim();
}

async function onSmallDisk<T>(world: World, run: () => Promise<T>): Promise<T> {
  const { home } = world.mesh;
  const refusal =
    process.getuid?.() === 0 ? mount(home, "-t", "tmpfs", "-o", `size=${DISK_BYTES},mode=700`, "tmpfs") : "not root";
  if (refusal)
    throw new Skip(
      `no small disk can be mounted (${refusal}); src/store/sqlite/full-disk.test.ts has the store's part`,
    );
  try {
    return await run();
  } finally {
    await world.close();
    Bun.spawnSync(["umount", "-l", home]);
  }
}

/** Everything but some kilobytes. */
function fill(home: string, leave: number): () => void {
  const { bavail, bsize } = statfsSync(home);
  const ballast = join(home, "ballast");
  try {
    writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - leave)));
  } catch (error) {
    // The daemon took the last of it meanwhile: it is as full as it was meant to be.
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
  return () => rmSync(ballast);
}

const toldCodes = (world: World): string[] =>
  world.book().flatMap(({ what }) => (what.type === "told" && what.said === "refused" ? [what.code ?? what.text] : []));

export const fullDisk: Scene = {
  name: "full disk, then room again",
  run: (world) =>
    onSmallDisk(world, async () => {
      const { mesh, driver } = world;
      await mesh.start();
      const [ant, bee] = await Promise.all([world.peer("ant", "link"), world.peer("bee", "link")]);
      const cat = await world.peer("cat", "link");
      await ant.send({ kind: "notify", to: "bee", bytes: 500, times: 50 });
      const makeRoom = fill(mesh.home, 200_000);
      for (let i = 0; i < 40 && !toldCodes(world).includes(driver.refusals.storageFull); i++)
        await Promise.all([
          ant.send({ kind: "notify", to: "bee", bytes: 4_000, times: 20 }),
          bee.send({ kind: "ask", to: "ant", waitSeconds: 1 }),
        ]);
      if (!toldCodes(world).includes(driver.refusals.storageFull)) throw new Error("a full disk was never said");
      // Nothing can be recorded now: neither that a link is gone nor what became of a hand-over.
      await cat.kill();
      await bee.send({ kind: "notify", to: "ant", bytes: 4_000, times: 5 });
      await Bun.sleep(1_500);
      makeRoom();
      await until("messages are taken again", async () => {
        await ant.send({ kind: "notify", to: "bee" });
        return (
          world.book().findLast(({ what }) => what.type === "told")?.what.type === "told" &&
          lastSaid(world) === "accepted"
        );
      });
      await ant.send({ kind: "notify", to: "cat", times: 5 });
      await world.peer("cat", "link");
      await Promise.all([
        ant.send({ kind: "ask", to: "cat", waitSeconds: 5 }),
        bee.send({ kind: "ask", to: "ant", waitSeconds: 5 }),
      ]);
      // Killed while it is full, it has to come back when there is room, and to say why before.
      const again = fill(mesh.home, 0);
      process.kill(mesh.pid() ?? 0, "SIGKILL");
      await Bun.sleep(200);
      const said = await mesh.start().then(
        () => "",
        (error: Error) => error.message,
      );
      if (said !== "" && !/full|disk|space/i.test(said)) throw new Error(`on a full disk it said only: ${said}`);
      again();
      await mesh.start();
      await ant.send({ kind: "ask", to: "bee", waitSeconds: 10 });
      return world.settle();
    }),
};

function lastSaid(world: World): string | undefined {
  const last = world.book().findLast(({ what }) => what.type === "told")?.what;
  return last?.type === "told" ? last.said : undefined;
}

export const readOnly: Scene = {
  name: "read-only database",
  run: (world) =>
    onSmallDisk(world, async () => {
      const { mesh } = world;
      await mesh.start();
      const [ant] = await Promise.all([world.peer("ant", "link"), world.peer("bee", "link")]);
      await ant.send({ kind: "notify", to: "bee", times: 20 });
      await mesh.stop();
      const refusal = mount(mesh.home, "-o", "remount,ro");
      if (refusal) throw new Skip(`it cannot be made read-only (${refusal})`);
      const said = await mesh.start().then(
        () => "it started",
        (error: Error) => error.message,
      );
      if (!/read-?only/i.test(said) || said.split("\n").length > 1)
        throw new Error(`on a read-only disk it said: ${said}`);
      mount(mesh.home, "-o", "remount,rw");
      await mesh.start();
      await ant.send({ kind: "ask", to: "bee", waitSeconds: 10 });
      return world.settle();
    }),
};

export const damaged: Scene = {
  name: "database damaged while stopped",
  async run(world) {
    const { mesh } = world;
    await mesh.start();
    const [ant] = await Promise.all([world.peer("ant", "link"), world.peer("bee", "link")]);
    await ant.send({ kind: "notify", to: "bee", times: 30, bytes: 200 });
    const before = await world.settle();
    await mesh.stop();
    const bytes = new Uint8Array(await Bun.file(mesh.database).arrayBuffer());
    bytes.fill(0x5a, 60, 12_000);
    await Bun.write(mesh.database, bytes);
    await mesh.start();
    const aside = readdirSync(mesh.home).filter((name) => name.includes("damaged"));
    if (aside.length === 0) throw new Error("the damaged database was not kept");
    const health = await mesh.health();
    if (!health.text.includes("damaged")) throw new Error(`nothing says that it was damaged: ${health.text}`);
    if (!existsSync(mesh.database)) throw new Error("no new database");
    // What the old one held is gone, and that is said; what follows is judged as ever.
    const from = Date.now();
    await ant.send({ kind: "ask", to: "bee", waitSeconds: 10 });
    await ant.send({ kind: "notify", to: "bee", times: 10 });
    const after = await world.settle(undefined, from);
    return { messages: before.messages + after.messages, faults: [...before.faults, ...after.faults] };
  },
};
