import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import type { PeerId } from "../protocol/index.ts";
import { printable, resolvePeer } from "./addressing.ts";
import { endSession } from "./sessions.ts";

let mesh: MeshHarness;
let frontend: PeerId;
let backend: PeerId;
/** `backend` of circle "dev". */
let devBackend: PeerId;
let boss: PeerId;
let anna: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  backend = await mesh.join("backend");
  devBackend = await mesh.join("dev", { path: "/dev/backend", circle: "dev" });
  boss = await mesh.join("boss", { role: "orchestrator", circle: "dev" });
  anna = await mesh.join("anna", { role: "human", path: undefined, name: "anna", circle: "people" });
});

const find = (from: PeerId, text: string) => mesh.read((ctx) => resolvePeer(ctx, mesh.peer(from), text).id);

/** The refusal of an address. */
function refusal(from: PeerId, text: string): unknown {
  try {
    return find(from, text);
  } catch (error) {
    return error;
  }
}

describe("an address finds a peer", () => {
  test("by its name, with or without an @ before it", () => {
    expect(find(frontend, "backend")).toBe(backend);
    expect(find(frontend, " @backend ")).toBe(backend);
  });

  test("by its name in other letters, if no peer is named exactly so", async () => {
    expect(find(frontend, "BackEnd")).toBe(backend);
    // A name that differs in capitals alone is taken: nobody comes between `BackEnd` and the one it means.
    await mesh.join("upper", { path: "/work/upper", name: "BackEnd" });
    expect(find(frontend, "BackEnd")).toBe(backend);
  });

  test("by name@circle and by name@machine", () => {
    expect(find(boss, "backend@dev")).toBe(devBackend);
    expect(find(boss, "backend@default")).toBe(backend);
    expect(find(frontend, "backend@laptop")).toBe(backend);
  });

  test("by its id, and by a beginning of it that fits no other", () => {
    expect(find(frontend, backend)).toBe(backend);
    expect(find(boss, backend.slice("peer_".length))).toBe(backend);
  });

  test("by its name rather than by an id that begins so", async () => {
    const named = await mesh.join("0000", { path: "/work/0000" });
    expect(find(frontend, "0000")).toBe(named);
  });
});

describe("an address is refused", () => {
  test("with the candidates, when it is the beginning of several ids", () => {
    expect(refusal(frontend, "peer_0000")).toMatchObject({
      code: "peer_ambiguous",
      message: expect.stringMatching(/fits 3 peers: frontend@default, backend@default, anna@people\. Use one of these/),
    });
  });

  test("when so short a beginning says nothing", () => {
    expect(refusal(frontend, "peer_000")).toMatchObject({ code: "peer_not_found" });
  });

  // @req addresses.refused-with-candidates
  test("with the candidates, when a name is live in several circles", () => {
    expect(refusal(boss, "backend")).toMatchObject({
      code: "peer_ambiguous",
      message: expect.stringContaining("backend@default, backend@dev"),
    });
  });

  // @req addresses.refused-with-candidates
  test("with the circle and who is online there, when no peer has that name", async () => {
    const infra = await mesh.join("infra");
    await mesh.decide((ctx) => endSession(ctx, infra, "its process ended"));
    expect(refusal(frontend, "backnd")).toMatchObject({
      code: "peer_not_found",
      message: 'No peer named "backnd" in circle "default". Online: backend.',
    });
  });

  test("with how to see the others, when nobody else is online", () => {
    expect(refusal(devBackend, "nobody")).toMatchObject({ message: expect.stringContaining("boss") });
    const alone = createMesh();
    return alone.join("alone").then((id) => {
      const look = () => alone.read((ctx) => resolvePeer(ctx, alone.peer(id), "backend"));
      expect(look).toThrow("Nobody else is online; list_peers with include_offline shows empty seats.");
    });
  });

  test("with no more names than fit on a line", async () => {
    for (let n = 1; n <= 12; n++) await mesh.join(`p${n}`);
    expect(refusal(frontend, "nobody")).toMatchObject({ message: expect.stringMatching(/p7, \+5\.$/) });
  });
});

describe("who reaches whom", () => {
  test("of several peers with a name, the one live session is meant", async () => {
    await mesh.decide((ctx) => endSession(ctx, backend, "its process ended"));
    expect(find(boss, "backend")).toBe(devBackend);
  });

  // @req circles.own
  test("an agent finds nobody in another circle, by whatever address", () => {
    for (const address of ["backend@default", "backend@laptop", backend])
      expect(refusal(devBackend, address)).not.toBe(backend);
    expect(refusal(devBackend, "backend@default")).toMatchObject({ code: "peer_not_found" });
    expect(refusal(devBackend, backend)).toMatchObject({ code: "peer_not_found" });
    expect(find(devBackend, "backend")).toBe(devBackend);
    expect(refusal(devBackend, "frontend")).toMatchObject({
      code: "peer_not_found",
      message: expect.not.stringContaining("Online: frontend"),
    });
  });

  test("orchestrators, people and services reach every circle", async () => {
    const service = await mesh.join("cron", { role: "service", circle: "tools" });
    for (const from of [boss, anna, service]) {
      expect(find(from, "frontend")).toBe(frontend);
      expect(find(from, "backend@dev")).toBe(devBackend);
    }
  });

  test("people are reached from every circle", () => {
    expect(find(frontend, "anna")).toBe(anna);
    expect(find(devBackend, "anna@people")).toBe(anna);
  });

  test("an orchestrator of another circle is not reached by an agent", () => {
    expect(refusal(frontend, "boss")).toMatchObject({ code: "peer_not_found" });
  });
});

test("what is repeated in a refusal is short and holds nothing that moves a terminal's cursor", () => {
  expect(printable("a\u001b[2Jb\u202ec\nd")).toBe("a?[2Jb?c?d");
  expect(printable("x".repeat(100))).toBe(`${"x".repeat(60)}…`);
});
