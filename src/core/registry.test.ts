import { describe, expect, test } from "bun:test";
import { createMesh } from "../../test/support/mesh-harness.ts";
import { LIMITS, Peer, PeerName } from "../protocol/index.ts";
import { claimSeat, describe as describePeer, nameFromPath, publicPeer, rename } from "./registry.ts";
import { endSession } from "./sessions.ts";

const process = (pid: number, started = "start") => ({ pid, started, boot: "boot" });

/** A mesh with what these tests say in one word. */
function seats() {
  const mesh = createMesh();
  return {
    mesh,
    join: mesh.join,
    name: (id: string) => mesh.peer(id).name,
    leave: (id: string) => mesh.decide((ctx) => endSession(ctx, id, "its process ended")),
  };
}

describe("which seat a session gets", () => {
  test("a process that is told of twice keeps its seat", async () => {
    const { mesh, join } = seats();
    const instance = process(7);
    const first = await join("backend", { instance, capabilities: ["mcp_tools"] });
    const second = await join("backend", { instance, capabilities: ["hooks"], branch: "main" });
    expect(second).toBe(first);
    expect(mesh.peer(first)).toMatchObject({ capabilities: ["mcp_tools", "hooks"], branch: "main" });
  });

  // @req identity.process
  test("a pid that was given to another process is not the same process", async () => {
    const { join, name } = seats();
    await join("backend", { instance: process(7, "yesterday") });
    const second = await join("backend", { instance: process(7, "today") });
    expect(name(second)).toBe("backend-2");
  });

  test("the same pid and start time after a restart of the machine is not the same process", async () => {
    const { join, name } = seats();
    await join("backend", { instance: { pid: 7, started: "10", boot: "one" } });
    const second = await join("backend", { instance: { pid: 7, started: "10", boot: "two" } });
    expect(name(second)).toBe("backend-2");
  });

  // @req seats.sticky
  test("a new process takes the lowest free seat of its folder, whatever runtime sat there", async () => {
    const { mesh, join, leave, name } = seats();
    const first = await join("backend");
    const second = await join("backend");
    await leave(second);
    await leave(first);
    const third = await join("backend", { runtime: "codex" });
    expect(third).toBe(first);
    expect(mesh.peer(third)).toMatchObject({ name: "backend", runtime: "codex", presence: { state: "online" } });
    expect(name(await join("backend"))).toBe("backend-2");
  });

  test("a seat of another folder is never taken", async () => {
    const { join, leave } = seats();
    const first = await join("backend");
    await leave(first);
    expect(await join("frontend")).not.toBe(first);
  });

  // @req seats.resume
  test("a resumed conversation takes back its own seat, not the lowest", async () => {
    const { join, leave } = seats();
    const first = await join("backend", { conversation: "one" });
    const second = await join("backend", { conversation: "two" });
    await leave(first);
    await leave(second);
    expect(await join("backend", { conversation: "two" })).toBe(second);
    expect(await join("backend", { conversation: "unheard" })).toBe(first);
  });

  test("a conversation id of one runtime says nothing about the seats of another", async () => {
    const { join, leave } = seats();
    await join("backend", { conversation: "one" });
    const second = await join("backend", { conversation: "two" });
    await leave(second);
    const other = await join("elsewhere", { conversation: "two", runtime: "opencode" });
    expect(other).not.toBe(second);
  });

  // @req seats.resume
  test("a second live claim to a conversation is a new peer", async () => {
    const { join, name } = seats();
    const first = await join("backend", { conversation: "one" });
    const fork = await join("backend", { conversation: "one" });
    expect(fork).not.toBe(first);
    expect(name(fork)).toBe("backend-2");
  });

  test("an agent never takes the seat of a person, nor the other way round", async () => {
    const { join, leave } = seats();
    const agent = await join("desk");
    await leave(agent);
    expect(await join("desk", { role: "human" })).not.toBe(agent);
  });

  test("a name that was wished for takes only the free seat of that name", async () => {
    const { join, leave, name } = seats();
    const plain = await join("backend");
    const wished = await join("backend", { name: "api" });
    await leave(plain);
    await leave(wished);
    expect(await join("backend", { name: "api" })).toBe(wished);
    expect(name(await join("backend", { name: "worker" }))).toBe("worker");
  });

  test("a circle that was wished for takes only a free seat of that circle", async () => {
    const { mesh, join, leave } = seats();
    const plain = await join("backend");
    await leave(plain);
    const dev = await join("backend", { circle: "dev" });
    expect(dev).not.toBe(plain);
    expect(mesh.peer(dev)).toMatchObject({ name: "backend", circle: "dev" });
    await leave(dev);
    expect(await join("backend", { circle: "dev" })).toBe(dev);
  });

  test("a new process in a seat inherits nothing of what the old one had proven or said", async () => {
    const { mesh, join, leave } = seats();
    const id = await join("backend", { branch: "old", conversation: "one" });
    await mesh.decide((ctx) => {
      const peer = describePeer(ctx, mesh.peer(id), "pagination");
      const proofs = { push: { by: "hook", at: 1 } };
      ctx.tx.peers.put({ ...peer, proofs, permission_mode: "bypassPermissions", had_link: true, resume_hash: "x" });
    });
    await leave(id);
    await join("backend");
    const peer = mesh.peer(id);
    expect(peer.proofs).toEqual({});
    expect(peer.had_link).toBeFalse();
    for (const left of ["branch", "conversation", "description", "permission_mode", "resume_hash"] as const)
      expect(peer[left]).toBeUndefined();
  });

  test("what the user decided about a seat stays with the seat", async () => {
    const { mesh, join, leave } = seats();
    const id = await join("backend");
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(id), inbound_policy: "refuse" }));
    await leave(id);
    expect(await join("backend")).toBe(id);
    expect(mesh.peer(id).inbound_policy).toBe("refuse");
  });

  test("joining is an event once, however often the session is told of", async () => {
    const { mesh, join } = seats();
    const instance = process(7);
    await join("backend", { instance });
    await join("backend", { instance });
    const types = mesh.read(({ tx }) => tx.events.after(0, 100)).map((event) => event.type);
    expect(types).toEqual(["peer.joined"]);
  });

  test("a person's seat is made empty: only a connection of theirs brings them online", async () => {
    const { mesh, join } = seats();
    expect(mesh.peer(await join("anna", { role: "human", path: undefined })).presence.state).toBe("offline");
  });
});

describe("names", () => {
  test("the folder gives the name; the second checkout with that folder name gets -2, the third -3", async () => {
    const { join, name } = seats();
    const ids = [
      await join("a", { path: "/one/backend" }),
      await join("b", { path: "/two/backend" }),
      await join("c", { path: "/three/backend/" }),
    ];
    expect(ids.map(name)).toEqual(["backend", "backend-2", "backend-3"]);
  });

  test("an empty seat keeps its name to itself", async () => {
    const { join, leave, name } = seats();
    await leave(await join("a", { path: "/one/backend" }));
    expect(name(await join("b", { path: "/two/backend" }))).toBe("backend-2");
  });

  test("a name may be in use in another circle", async () => {
    const { join, name } = seats();
    await join("backend");
    expect(name(await join("b", { path: "/two/backend", circle: "dev" }))).toBe("backend");
  });

  test("a seat that was renamed keeps the new name over its sessions", async () => {
    const { mesh, join, leave, name } = seats();
    const id = await join("backend");
    await mesh.decide((ctx) => rename(ctx, mesh.peer(id), "api"));
    await leave(id);
    expect(await join("backend")).toBe(id);
    expect(name(id)).toBe("api");
  });

  test("a name that only looks like a taken one is taken: a number for who joins, a refusal for who is renamed", async () => {
    const { mesh, join, name } = seats();
    await join("backend");
    const fake = await join("other", { name: "b\u0430ckend" });
    expect(name(fake)).toBe("b\u0430ckend-2");
    await expect(mesh.decide((ctx) => rename(ctx, mesh.peer(fake), "b\u0430\u0441kend"))).rejects.toThrow(
      'looks like "backend"',
    );
  });

  test("a taken name is refused with its holder", async () => {
    const { mesh, join } = seats();
    await join("frontend");
    const backend = await join("backend");
    await expect(mesh.decide((ctx) => rename(ctx, mesh.peer(backend), "frontend"))).rejects.toMatchObject({
      code: "name_taken",
      message: expect.stringContaining("/work/frontend"),
    });
  });

  test("renaming to the name it has changes nothing and is no event", async () => {
    const { mesh, join } = seats();
    const id = await join("backend");
    await mesh.decide((ctx) => rename(ctx, mesh.peer(id), "backend"));
    expect(mesh.read(({ tx }) => tx.events.last())).toBe(1);
  });

  test.each([
    ["/work/backend", "backend"],
    ["/work/My App (v2)", "My-App-v2"],
    ["/work/.hidden", "hidden"],
    ["/work/größe", "größe"],
    ["/work/日本語", "日本語"],
    ["/", "peer"],
    ["/work/---", "peer"],
    ["/work/🦊", "peer"],
    ['/work/a"<b>@c', "a-b-c"],
    [undefined, "peer"],
  ])("the folder %p gives the name %p", (path, expected) => {
    expect(nameFromPath(path)).toBe(expected);
    expect(PeerName.safeParse(expected).success).toBeTrue();
  });

  test("a folder with a very long name still gives names within the limit, also for the hundredth", async () => {
    const { join, name } = seats();
    const long = "x".repeat(200);
    for (let n = 0; n < 3; n++) await join("a", { path: `/${n}/${long}` });
    const last = name(await join("a", { path: `/last/${long}` }));
    expect(last).toEndWith("-4");
    expect(PeerName.safeParse(last).success).toBeTrue();
  });

  test("a taken wish of full length is shortened for its number, never beyond the limit", async () => {
    const { join, name } = seats();
    const wish = "y".repeat(LIMITS.nameCharsMax);
    await join("a", { name: wish });
    const second = name(await join("b", { name: wish }));
    expect(second).toBe(`${"y".repeat(LIMITS.nameCharsMax - 2)}-2`);
  });
});

describe("what others see of a seat", () => {
  test("the public view says nothing that only the daemon needs", async () => {
    const { mesh, join } = seats();
    const id = await join("backend", { conversation: "secret-session" });
    const shown = mesh.read((ctx) => publicPeer(ctx, mesh.peer(id)));
    expect(Peer.strict().parse(shown)).toMatchObject({ name: "backend", inbound: "accept", unread: 0 });
    expect(JSON.stringify(shown)).not.toContain("secret-session");
  });

  test("the live rung is the best open route; without one hooks, else pull", async () => {
    const { mesh, join } = seats();
    const id = await join("backend");
    const rung = () => mesh.read((ctx) => publicPeer(ctx, mesh.peer(id)).delivery);
    expect(rung()).toEqual({ rung: "pull" });
    await mesh.decide((ctx) => ctx.tx.peers.put({ ...mesh.peer(id), capabilities: ["hooks"] }));
    expect(rung()).toEqual({ rung: "hook" });
    await mesh.openPush(id, { rung: "inbox_socket", serves: { idle: 2 } });
    await mesh.openPush(id, { rung: "channel", serves: { idle: 1 } });
    expect(rung()).toEqual({ rung: "channel" });
  });

  test("an empty seat shows no rung", async () => {
    const { mesh, join, leave } = seats();
    const id = await join("backend");
    await mesh.openPush(id);
    await leave(id);
    expect(mesh.read((ctx) => publicPeer(ctx, mesh.peer(id)).delivery)).toBeUndefined();
  });

  // @req tools.describe
  test("a description is one line with its age, and an empty one takes it away", async () => {
    const { mesh, join } = seats();
    const id = await join("backend");
    await mesh.decide((ctx) => describePeer(ctx, mesh.peer(id), "pagination\n of  users"));
    expect(mesh.peer(id)).toMatchObject({ description: "pagination of users", described_at: mesh.clock.now().wall });
    await mesh.decide((ctx) => describePeer(ctx, mesh.peer(id), ""));
    expect(mesh.peer(id).description).toBeUndefined();
    expect(mesh.peer(id).described_at).toBeUndefined();
  });

  test("presence keeps the instant since when it is so, also when its details change", async () => {
    const { mesh, join } = seats();
    const id = await join("backend");
    mesh.clock.advance(1_000);
    await mesh.activity(id, "waiting", "Bash");
    const since = mesh.clock.now().wall;
    mesh.clock.advance(1_000);
    await mesh.activity(id, "waiting", "Edit");
    expect(mesh.peer(id).presence).toEqual({ state: "waiting", detail: "Edit", since });
  });

  test("a presence that does not change is no event", async () => {
    const { mesh, join } = seats();
    const id = await join("backend");
    await mesh.activity(id, "busy");
    const last = mesh.read(({ tx }) => tx.events.last());
    await mesh.activity(id, "busy");
    expect(mesh.read(({ tx }) => tx.events.last())).toBe(last);
  });
});

test("a seat that two claims of one batch compete for goes to the first; the other gets a new one", async () => {
  const { mesh, join, leave } = seats();
  const free = await join("backend");
  await leave(free);
  const claim = (pid: number) =>
    mesh.decide((ctx) =>
      claimSeat(ctx, {
        runtime: "codex",
        role: "agent",
        instance: process(pid),
        path: "/work/backend",
        capabilities: [],
        identity: "proven",
      }),
    );
  const [first, second] = await Promise.all([claim(50), claim(51)]);
  expect(first.id).toBe(free);
  expect(second.name).toBe("backend-2");
});
