import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findTmux } from "../../src/adapters/tmux/index.ts";
import { processInfo } from "../../src/platform/process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { type LaunchWorld, launchWorld } from "../support/launch-world.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(60_000);

describe.skipIf(findTmux() === undefined)("sessions that are started again in their seat", () => {
  let world: LaunchWorld;
  let lead: FakeSession;
  let other: FakeSession;

  beforeAll(async () => {
    world = await launchWorld();
    lead = world.lead;
    other = await fakeSession(world.daemon.sandbox, "other", { circle: "dev" });
  });
  afterAll(async () => {
    await other?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  const joinsIn = (name: string) => world.log("works").filter((entry) => entry.joined === name);
  /** What the runtime would still have of its conversations. */
  const keepConversations = (path: string, name: string) =>
    writeFileSync(
      join(path, "known-sessions"),
      joinsIn(name)
        .map((entry) => entry.conversation)
        .join("\n"),
    );
  const seat = async (name: string) => (await world.peers()).find((peer) => peer.name === name);
  const mailOf = async (session: FakeSession) => {
    const mail = await session.call("inbox", {});
    return mail.type === "mail" ? mail.items.map((item) => item.body) : [];
  };

  test("one that runs: the same seat, its launch and its conversation; who waits for its answer goes on waiting", async () => {
    // @req restart.keeps-seat
    // @req restart.said
    const path = world.folder("api");
    const { peer } = await world.started({ path, profile: "works", name: "api" });
    keepConversations(path, "api");
    const asking = lead.call("ask", { peer: "api", question: "How many?", wait_seconds: 60 });
    await until(() => world.log("works").some((entry) => entry.body === "How many?"), "the question");
    const restarting = lead.call("restart", { peer: "api" });
    await until(async () => (await seat("api"))?.presence.transition === "restarting", "restarting");
    const sent = await other.call("notify", { peer: "api", text: "while you were away" });
    expect(sent.recipient.presence.transition).toBe("restarting");
    const again = await restarting;
    if (again.state !== "started") throw new Error(JSON.stringify(again));
    expect(again).toMatchObject({
      continues: true,
      can_receive: true,
      peer: { id: peer.id, name: "api", circle: "dev" },
    });
    expect(again.peer.spawned_by).toBe("lead");
    expect(again.ended.length).toBeGreaterThan(0);
    const [first, second] = world.pidsIn(path);
    expect(processInfo(first?.pid as number)).toBeUndefined();
    const [before, after] = joinsIn("api");
    expect(second?.args).toEqual([...((first?.args ?? []) as string[]), "--session", before?.conversation]);
    expect(after?.conversation).toBe(before?.conversation as string);
    // What was open and what came meanwhile are there again.
    const got = () => world.log("works").filter((entry) => entry.body === "How many?").length;
    await until(() => got() === 2, "the question again");
    await until(() => world.log("works").some((entry) => entry.body === "while you were away"), "the mail");
    await lead.call("kill", { peer: "api" });
    expect(await asking).toMatchObject({ state: "failed", reason: "session_gone" });
  });

  test("one that died is resumed by whoever started it; what its runtime does not have any more is said", async () => {
    const path = world.folder("mortal");
    const { peer } = await world.started({ path, profile: "works" });
    for (const entry of world.pidsIn(path))
      for (const pid of [entry.pid, entry.child]) process.kill(pid as number, "SIGKILL");
    await until(() => lead.received.some(({ body }) => body.includes("repowire peer resume mortal")), "the notice");
    // Its folder is on the list and its profile is the user's: nobody is asked.
    const again = await lead.call("kill", { peer: "mortal", restart: true });
    expect(again).toMatchObject({
      already: true,
      restarted: { state: "started", continues: false, peer: { id: peer.id } },
    });
    await expect(lead.call("restart", { peer: "mortal", ended_only: true })).rejects.toThrow(
      /^session_state: mortal runs .*peer restart mortal/,
    );
    await lead.call("kill", { peer: "mortal" });
    const resumed = await world.user.repowire("peer", "resume", "mortal@dev");
    expect([resumed.err, resumed.code]).toEqual(["", 0]);
    expect(resumed.out).toMatch(/^restarted mortal \(opencode\) in .*: it begins a new conversation/);
    // A person did that: who started it first reads so with its next turn.
    await until(
      async () => (await mailOf(lead)).some((body) => body.startsWith("mortal was restarted by ada")),
      "the note",
    );
    const fresh = await world.user.repowire("peer", "restart", "mortal@dev", "--fresh", "--json");
    expect(JSON.parse(fresh.out)).toMatchObject({ state: "started", continues: false, peer: { id: peer.id } });
    await lead.call("kill", { peer: "mortal" });
  });

  test("one that does not come back: the reason and its screen, the seat and its mail stay, who waits hears it", async () => {
    // @req restart.ends-aloud
    const path = world.folder("fragile");
    const { peer } = await world.started({ path, profile: "works" });
    // From now on its command fails.
    writeFileSync(join(path, "fails"), "");
    const asking = other.call("ask", { peer: "fragile", question: "Still there?", wait_seconds: 60 });
    await until(() => world.log("works").some((entry) => entry.body === "Still there?"), "the question");
    await expect(lead.call("restart", { peer: "fragile" })).rejects.toThrow(
      /^launch_failed: fragile did not come back; its seat and mailbox stay: its program ended\. Its screen:\n.*unknown option/s,
    );
    expect(await asking).toMatchObject({ state: "pending", recipient: { presence: { state: "offline" } } });
    const left = await seat("fragile");
    expect(left).toMatchObject({ id: peer.id, presence: { state: "offline" } });
    expect(left?.presence.transition).toBeUndefined();
    expect(left?.unread).toBe(1);
  });

  test("only its own, as for ending: another agent's is refused, and so is one that repowire did not start", async () => {
    // @req restart.rights
    const path = world.folder("mine");
    await world.started({ path, profile: "works" });
    await expect(other.call("restart", { peer: "mine" })).rejects.toThrow(/^forbidden: You did not start mine/);
    await expect(lead.call("restart", { peer: "other" })).rejects.toThrow(/^forbidden/);
    const ran = await world.user.repowire("peer", "restart", "other@dev");
    expect(ran.err).toContain("did not start other, so it cannot start it the same way");
    await lead.call("kill", { peer: "mine" });
    await expect(other.call("restart", { peer: "mine", ended_only: true })).rejects.toThrow(/^forbidden/);
  });

  test("one that ended and is not on the lists waits for a person, like any start", async () => {
    const path = join(world.root, "elsewhere");
    await world.user.run(["mkdir", path]);
    const spawning = world.started({ path, runtime: "opencode", name: "allowed" });
    const asked = async () => (await world.daemon.mesh.approvals({})).approvals[0];
    await world.user.repowire("approve", (await until(asked, "the request")).handle);
    await spawning;
    // What runs goes on being allowed what it was allowed.
    expect(await lead.call("restart", { peer: "allowed" })).toMatchObject({ state: "started" });
    await lead.call("kill", { peer: "allowed" });
    const resuming = lead.call("restart", { peer: "allowed" }).catch((error: Error) => error.message);
    const approval = await until(asked, "the second request");
    expect(approval.preview).toContain(`in ${path}`);
    await world.user.repowire("deny", approval.handle);
    expect(await resuming).toMatch(/^denied/);
    expect((await seat("allowed"))?.presence.state).toBe("offline");
  });

  test("the daemon is killed in the middle: what comes up takes its seat", async () => {
    const path = world.folder("lasting");
    const { peer } = await world.started({ path, profile: "works" });
    const restarting = lead.call("restart", { peer: "lasting" }).catch((error: Error) => error.message);
    await until(() => world.pidsIn(path).length === 2, "its next process");
    await world.daemon.crashAndRestart();
    const isBack = async () => {
      const there = await seat("lasting");
      return there?.delivery?.rung === "push" && there.presence.transition === undefined;
    };
    await until(isBack, "its return");
    expect(await seat("lasting")).toMatchObject({ id: peer.id, spawned_by: "lead" });
    await restarting;
    await lead.call("kill", { peer: "lasting" });
  });
});
