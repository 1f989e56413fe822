import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { PeerId } from "../protocol/index.ts";

let mesh: MeshHarness;
let frontend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  await mesh.join("backend");
});

describe("when", () => {
  const next = async (when: string, zone = "UTC") => {
    const { schedule } = await mesh.call(frontend, "schedule", { peer: "backend", text: "x", when, zone });
    return schedule.next_at === undefined ? schedule.trigger : new Date(schedule.next_at).toISOString();
  };

  // 2026-01-05, a Monday, 09:00 UTC.
  test.each([
    ["90s", "2026-01-05T09:01:30.000Z"],
    ["in 2 h", "2026-01-05T11:00:00.000Z"],
    ["1d12h", "2026-01-06T21:00:00.000Z"],
    ["10:30", "2026-01-05T10:30:00.000Z"],
    ["08:30", "2026-01-06T08:30:00.000Z"],
    ["2026-02-01 07:05", "2026-02-01T07:05:00.000Z"],
    ["2026-02-01T07:05:30Z", "2026-02-01T07:05:30.000Z"],
    ["2026-02-01T07:05+02:00", "2026-02-01T05:05:00.000Z"],
    ["cron 0 9 * * 1-5", "2026-01-06T09:00:00.000Z"],
    ["cron: @daily", "2026-01-06T00:00:00.000Z"],
  ])("%s", async (when, at) => {
    expect(await next(when)).toBe(at);
  });

  test("is read in the zone that is given, with its summer time", async () => {
    expect(await next("2026-01-06 09:00", "Europe/Berlin")).toBe("2026-01-06T08:00:00.000Z");
    expect(await next("2026-07-06 09:00", "Europe/Berlin")).toBe("2026-07-06T07:00:00.000Z");
    expect(await next("cron 0 9 * * *", "America/New_York")).toBe("2026-01-05T14:00:00.000Z");
  });

  test.each([
    "",
    "soon",
    "25:00",
    "10:61",
    "2026-02-30 09:00",
    "2025-01-01 09:00",
    "cron * * * *",
    "cron 61 * * * *",
    "cron * * * * * *",
    "cron 0 0 30 2 *",
    "frontend idle",
    "-5m",
    "99999999999h",
  ])("%p is refused with a sentence", async (when) => {
    await expect(next(when)).rejects.toMatchObject({ code: expect.stringMatching(/invalid_input|self_ask/) });
  });

  test("of a peer that is not there is refused with who is", async () => {
    await expect(next("backnd idle")).rejects.toMatchObject({ code: "peer_not_found" });
  });

  test("in a zone that is none is refused", async () => {
    await expect(next("09:00", "Mars/Olympus")).rejects.toMatchObject({ code: "invalid_input" });
  });
});
