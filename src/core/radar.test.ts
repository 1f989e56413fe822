import { beforeEach, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { LIMITS, type PeerId } from "../protocol/index.ts";
import { createRadar, noteFileWrite, type Radar } from "./radar.ts";

let mesh: MeshHarness;
let radar: Radar;
let a: PeerId;
let b: PeerId;
beforeEach(async () => {
  mesh = createMesh();
  radar = createRadar();
  a = await mesh.join("a");
  b = await mesh.join("b");
});

const write = (peer: PeerId, file = "/work/x.ts", at?: number) =>
  mesh.decide((ctx) =>
    noteFileWrite(
      ctx,
      radar,
      { peer, file, at: at ?? ctx.now.wall },
      {
        toSecond: (first, ago) => `${first.name} ${ago} before`,
        toFirst: (second, ago) => `${second.name} ${ago} after`,
      },
    ),
  );
const mail = (peer: PeerId) =>
  mesh.read(({ tx }) =>
    tx.deliveries.inStates(peer, ["queued", "held"]).map(({ message, urgency }) => {
      const found = tx.messages.get(message);
      return `${urgency} ${found?.kind}: ${found?.body}`;
    }),
  );
const later = (ms: number) => mesh.advance(ms);

// @req radar.warns-both
test("both hear of it, once: the second before it writes, the first with its next turn", async () => {
  expect(await write(a)).toBe(false);
  await later(60_000);
  expect(await write(b)).toBe(true);
  expect(mail(b)).toEqual(["fyi notify: a 60000 before"]);
  expect(mail(a)).toEqual(["fyi notify: b 60000 after"]);
  for (const peer of [a, b, a, b]) expect(await write(peer)).toBe(false);
  expect([mail(a).length, mail(b).length]).toEqual([1, 1]);
});

// @req radar.quiet
test("one session that writes again, two that write different files, and a write long ago are nobody's news", async () => {
  await write(a);
  await write(a);
  await write(b, "/work/y.ts");
  await later(LIMITS.radarWindowMs + 1);
  expect(await write(b)).toBe(false);
  expect([mail(a), mail(b)]).toEqual([[], []]);
});

// @req radar.quiet
test("the same file meets again after an hour", async () => {
  await write(a);
  await write(b);
  await later(LIMITS.radarToldMs + 1);
  await write(a);
  expect(await write(b)).toBe(true);
});

// @req radar.quiet
test("a session of another circle, or one that has ended, is nobody to be warned of", async () => {
  const other = await mesh.join("other", { circle: "other" });
  await write(other);
  expect(await write(a)).toBe(false);
  await mesh.decide(({ tx }) => tx.peers.put({ ...mesh.peer(a), presence: { state: "offline", since: 0 } }));
  expect(await write(b)).toBe(false);
});

// @req radar.quiet
test("what a person wants held, or quiet, gets no warning that would wait for them", async () => {
  await mesh.decide(({ tx }) => tx.peers.put({ ...mesh.peer(a), inbound_policy: "hold" }));
  await write(a);
  expect(await write(b)).toBe(true);
  expect([mail(a).length, mail(b).length]).toEqual([0, 1]);
});

// @req radar.warns-both
test("a write that is heard of late (a record, a spooled report) is put in its place by its own instant", async () => {
  const early = mesh.clock.now().wall;
  await later(120_000);
  await write(b);
  await later(60_000);
  expect(await write(a, "/work/x.ts", early)).toBe(true);
  expect(mail(a)).toEqual(["fyi notify: b 120000 before"]);
  expect(await write(a, "/work/x.ts", early)).toBe(false);
  const long = mesh.clock.now().wall - LIMITS.radarWindowMs - 1;
  await write(b, "/work/z.ts");
  expect(await write(a, "/work/z.ts", long)).toBe(false);
});

// @req radar.no-storm
// @attack radar-storm
test("a session that claims to write everything warns another a few times an hour, and fills no memory", async () => {
  for (let n = 0; n < 200; n++) await write(a, `/work/${n}`);
  for (let n = 0; n < 200; n++) await write(b, `/work/${n}`);
  expect([mail(a).length, mail(b).length]).toEqual([LIMITS.radarPairPerHourMax, LIMITS.radarPairPerHourMax]);
  for (let n = 0; n < 3_000; n++) await write(b, `/work/more-${n}`);
  expect(radar.size).toBeLessThanOrEqual(LIMITS.radarFilesPerPeerMax + 200 + LIMITS.radarPairPerHourMax);
});

// @req radar.no-storm
test("what could not be stored leaves nothing behind: the next write warns", async () => {
  await write(a);
  const failing = mesh.decide((ctx) => {
    noteFileWrite(
      ctx,
      radar,
      { peer: b, file: "/work/x.ts", at: ctx.now.wall },
      { toSecond: () => "x", toFirst: () => "y" },
    );
    throw new Error("the disk is full");
  });
  await expect(failing).rejects.toThrow();
  expect(await write(b)).toBe(true);
});
