import { expect, test } from "bun:test";
import { createMesh } from "../../../test/support/mesh-harness.ts";
import { RepowireError } from "../../protocol/index.ts";
import type { Transport } from "../adapter.ts";
import type { OwnTurns } from "../own-turns.ts";
import { createOpenCodeAdapter } from "./adapter.ts";

const PLAIN: Transport = { deliver: async () => [], probe: async () => {} };

/** What the page would be told of a session whose link is this. */
async function read(transport: Transport | undefined): Promise<OwnTurns | undefined> {
  const mesh = createMesh();
  const peer = await mesh.join("backend", { runtime: "opencode" });
  await mesh.openPush(peer);
  const { engine } = mesh;
  const adapter = createOpenCodeAdapter({ engine, transports: { transportOf: () => transport }, waitMs: 5 });
  return adapter.ownTurns?.(mesh.peer(peer));
}

// @req dashboard.own-turns
test("its own turns are what its plugin reads at this moment, or why it does not", async () => {
  const turns = { turns: [{ by: "user" as const, text: "hello" }], isWhole: true };
  expect(await read({ ...PLAIN, ownTurns: async () => turns })).toEqual(turns);
  expect(await read(undefined)).toEqual({ reason: expect.stringContaining("is not running") });
  expect(await read(PLAIN)).toEqual({ reason: expect.stringContaining("restart OpenCode") });
  const hangs = () => new Promise<never>(() => {});
  expect(await read({ ...PLAIN, ownTurns: hangs })).toEqual({ reason: expect.stringContaining("within") });
  const ends = () => Promise.reject(new RepowireError("unavailable", "The connection was lost."));
  expect(await read({ ...PLAIN, ownTurns: ends })).toEqual({
    reason: "OpenCode could not read its record: The connection was lost.",
  });
});
