import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { LIMITS, type PeerId } from "../protocol/index.ts";
import { type PermissionRequest, requestApproval, withdrawApprovals } from "./approvals.ts";

/** Permission requests: nothing is allowed but by a person, the first verdict wins, late ones are told. */

let mesh: MeshHarness;
let backend: PeerId;
let anna: PeerId;
let ben: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  backend = await mesh.join("backend", { conversation: "one" });
  anna = await mesh.join("anna", { role: "human", path: undefined, name: "anna" });
  ben = await mesh.join("ben", { role: "human", path: undefined, name: "ben" });
});

const request = (change: Partial<PermissionRequest> = {}) =>
  mesh.decide((ctx) =>
    requestApproval(ctx, mesh.peer(backend), mesh.peer(anna), {
      via: "hook",
      request: "r1",
      tool: "Bash",
      preview: "rm -rf build",
      ...change,
    }),
  );
const decide = (id: string, verdict: "allow" | "deny", by = anna, reason?: string) =>
  mesh.call(by, "decide", { id, verdict, reason });
const stored = (message: string) => mesh.read(({ tx }) => tx.approvals.get(message));
const verdicts = () =>
  mesh.effects.flatMap((effect) => (effect.type === "verdict" ? [[effect.approval.message, effect.verdict]] : []));

describe("a request", () => {
  test("is pending, shows what would be done, and waits in the person's mailbox", async () => {
    const approval = await request({ description: "Clean the build" });
    expect(approval).toMatchObject({
      state: "pending",
      peer: backend,
      peer_name: "backend",
      tool: "Bash",
      description: "Clean the build",
      preview: "rm -rf build",
    });
    expect(mesh.delivery(approval.message, anna)).toMatchObject({ kind: "permission", state: "queued" });
    expect(mesh.history(approval.message)).toContain("approval.requested");
  });

  test("beyond the limit of one session is refused with where to decide it, and leaves nothing behind", async () => {
    for (let n = 0; n < LIMITS.pendingApprovalsPerPeerMax; n++) await request({ request: `r${n}`, preview: `rm ${n}` });
    const before = mesh.read(({ tx }) => tx.deliveries.count(anna, ["queued"]));
    await expect(request({ request: "one more" })).rejects.toMatchObject({
      code: "too_many_approvals",
      message: expect.stringContaining("in its own terminal"),
    });
    expect(mesh.read(({ tx }) => tx.deliveries.count(anna, ["queued"]))).toBe(before);
    // One that is there already is found as before.
    expect(await request({ request: "r0" })).toMatchObject({ state: "pending" });
  });

  test("told of twice on the same path is one", async () => {
    const first = await request();
    const again = await request();
    expect(again.message).toBe(first.message);
    expect(mesh.read(({ tx }) => tx.approvals.pending())).toHaveLength(1);
  });

  test("told of by hook and by channel is one, with what either knows", async () => {
    const first = await request({ preview: "rm" });
    const twin = await request({ via: "link", request: "abc", preview: "rm -rf build", description: "Clean" });
    expect(twin.message).toBe(first.message);
    expect(stored(first.message)).toMatchObject({
      preview: "rm -rf build",
      description: "Clean",
      requests: [
        { via: "hook", request: "r1" },
        { via: "link", request: "abc" },
      ],
    });
    expect((await request({ via: "link", request: "abc" })).message).toBe(first.message);
  });

  test.each([
    ["two requests on one path", { request: "r2" }, 0],
    ["requests for different tools", { via: "link", request: "abc", tool: "Edit" }, 0],
    ["requests long after one another", { via: "link", request: "abc" }, 10_001],
  ] as const)("%s are two", async (_what, change, laterMs) => {
    const first = await request();
    mesh.clock.advance(laterMs);
    expect((await request(change)).message).not.toBe(first.message);
  });

  test("of another session is another one", async () => {
    const first = await request();
    const infra = await mesh.join("infra");
    const other = await mesh.decide((ctx) =>
      requestApproval(ctx, mesh.peer(infra), mesh.peer(anna), {
        via: "link",
        request: "abc",
        tool: "Bash",
        preview: "x",
      }),
    );
    expect(other.message).not.toBe(first.message);
  });
});

describe("a verdict", () => {
  test.each([
    ["allow", "allowed"],
    ["deny", "denied"],
  ] as const)("%s is stored, told to the session and taken out of the mailbox", async (verdict, state) => {
    const approval = await request();
    expect(await decide(approval.handle, verdict, anna, "fine")).toMatchObject({
      approval: { state, decided_by: "anna", detail: "fine", decided_at: mesh.clock.now().wall },
    });
    expect(verdicts()).toEqual([[approval.message, verdict]]);
    expect(mesh.delivery(approval.message, anna).state).toBe("cancelled");
    expect(mesh.read(({ tx }) => tx.approvals.pending())).toEqual([]);
  });

  // @req harm.no-dialog
  test("that comes first wins; the late one is told what was decided, and changes nothing", async () => {
    const approval = await request();
    const [first, late] = await Promise.allSettled([
      decide(approval.handle, "deny", anna, "too risky"),
      decide(approval.handle, "allow", ben),
    ]);
    expect(first).toMatchObject({ status: "fulfilled", value: { approval: { state: "denied" } } });
    expect(late).toMatchObject({
      status: "rejected",
      reason: {
        code: "already_decided",
        message: `${approval.handle} is already decided: denied (too risky). Nothing was changed.`,
      },
    });
    expect(verdicts()).toEqual([[approval.message, "deny"]]);
    expect(stored(approval.message)).toMatchObject({ state: "denied", decided_by: "anna" });
  });

  test("about an unknown request is refused", async () => {
    await expect(decide("zzzzz", "allow")).rejects.toMatchObject({ code: "handle_unknown" });
  });

  // @req people.logged
  test("is logged with the processes it came from", async () => {
    const approval = await request();
    const caller = mesh.caller(anna, { chain: "zsh 17 < terminal 3" });
    await mesh.operations.call("decide", { id: approval.handle, verdict: "allow" }, caller);
    const events = mesh.read(({ tx }) => tx.events.ofMessages([approval.message]));
    expect(events.find((event) => event.type === "approval.allowed")?.data).toMatchObject({
      chain: "zsh 17 < terminal 3",
      by: "anna",
    });
  });
});

describe("only a person decides", () => {
  test.each(["agent", "orchestrator", "service"] as const)("the role %s may not", async (role) => {
    const approval = await request();
    const other = await mesh.join("other", { role });
    await expect(decide(approval.handle, "allow", other)).rejects.toMatchObject({ code: "human_required" });
    expect(stored(approval.message)?.state).toBe("pending");
  });

  // @req people.rights
  test("a person's role without a person's own credential may not", async () => {
    const approval = await request();
    const caller = mesh.caller(anna, { isHuman: false });
    const decided = mesh.operations.call("decide", { id: approval.handle, verdict: "allow" }, caller);
    await expect(decided).rejects.toMatchObject({ code: "human_required" });
  });

  // @req people.rights
  test("an agent cannot even see what is pending", async () => {
    await expect(mesh.call(backend, "approvals", {})).rejects.toMatchObject({ code: "forbidden" });
  });
});

describe("a request that nobody decides", () => {
  test("is withdrawn when its session moves on, and a late verdict is told so", async () => {
    const approval = await request();
    await mesh.decide((ctx) => withdrawApprovals(ctx, backend, "decided in its own terminal"));
    expect(verdicts()).toEqual([[approval.message, "withdrawn"]]);
    await expect(decide(approval.handle, "allow")).rejects.toMatchObject({
      code: "already_decided",
      message: expect.stringContaining("withdrawn (decided in its own terminal)"),
    });
    expect(mesh.delivery(approval.message, anna).state).toBe("cancelled");
  });

  test("is withdrawn alone, where only one dialog of the session is over", async () => {
    const one = await request({ request: "r1" });
    const two = await request({ request: "r2", tool: "Edit" });
    await mesh.decide((ctx) =>
      withdrawApprovals(ctx, backend, "over", (approval) => approval.requests.some((known) => known.request === "r1")),
    );
    expect([stored(one.message)?.state, stored(two.message)?.state]).toEqual(["withdrawn", "pending"]);
  });

  // @req harm.no-dialog
  test("is never allowed by time: it expires, and the session is told that nobody decided", async () => {
    const approval = await request();
    await mesh.advance(LIMITS.permissionExpiryMs - 1);
    expect(stored(approval.message)?.state).toBe("pending");
    await mesh.advance(1);
    expect(stored(approval.message)).toMatchObject({ state: "expired", detail: "nobody decided it" });
    expect(verdicts()).toEqual([[approval.message, "withdrawn"]]);
    await expect(decide(approval.handle, "allow")).rejects.toMatchObject({ code: "already_decided" });
    expect(verdicts()).toHaveLength(1);
  });

  test("does not expire while the machine sleeps", async () => {
    const approval = await request();
    mesh.clock.sleepMachine(10 * LIMITS.permissionExpiryMs);
    await mesh.advance(1_000);
    expect(stored(approval.message)?.state).toBe("pending");
  });

  test("does not come back as a twin of a new request after it was decided", async () => {
    const approval = await request();
    await decide(approval.handle, "deny");
    const next = await request({ via: "link", request: "abc" });
    expect(next.message).not.toBe(approval.message);
    expect(next.state).toBe("pending");
  });
});
