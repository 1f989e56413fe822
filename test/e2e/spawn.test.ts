import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { findTmux } from "../../src/adapters/tmux/index.ts";
import { processInfo } from "../../src/platform/process.ts";
import type { Envelope } from "../../src/protocol/index.ts";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { type LaunchWorld, launchWorld } from "../support/launch-world.ts";
import type { Person } from "../support/person.ts";
import { fromSource } from "../support/setup-sandbox.ts";
import { tempHome } from "../support/temp-home.ts";
import { privateTerminal } from "../support/terminal.ts";
import { until } from "../support/until.ts";

// A real daemon, a real tmux on a private socket, and a program that joins as an agent CLI would.
setDefaultTimeout(60_000);
const hasTmux = findTmux() !== undefined;

describe.skipIf(!hasTmux)("sessions that repowire starts and ends", () => {
  let world: LaunchWorld;
  let daemon: DaemonProcess;
  let user: Person;
  let lead: FakeSession;
  let other: FakeSession;
  let work: string;
  let secret: string;

  beforeAll(async () => {
    world = await launchWorld();
    ({ daemon, user, lead, work } = world);
    secret = join(world.root, "secret");
    mkdirSync(secret);
    other = await fakeSession(daemon.sandbox, "other", { circle: "dev" });
  });
  afterAll(async () => {
    await other?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  const folder = (name: string) => world.folder(name);
  const log = (mode: string) => world.log(mode);
  const pidsIn = (cwd: string) => world.pidsIn(cwd);
  const peers = () => world.peers();
  const started = (input: Parameters<LaunchWorld["started"]>[0]) => world.started(input);

  test("a person starts one: it is there, can receive, and has its first message", async () => {
    // @req spawn.returns-when-it-can-receive
    // @req spawn.prompt-is-a-message
    const path = folder("api");
    const args = ["--runtime", "opencode", "--name", "api", "--circle", "dev", "--prompt", "Say hi.", "--json"];
    const ran = await user.repowire(
      "peer",
      "new",
      path,
      ...args,
      "--",
      "--log",
      join(daemon.sandbox.root, "works.log"),
      ";",
    );
    expect([ran.err, ran.code]).toEqual(["", 0]);
    const output = JSON.parse(ran.out);
    expect(output).toMatchObject({ state: "started", can_receive: true, peer: { name: "api", circle: "dev", path } });
    expect(output.prompt.recipient.delivery).toBe("presented");
    expect(output.pane).toMatch(/^repowire:\d+\.\d+$/);
    expect(log("works").some((entry) => entry.body === "Say hi." && entry.from === "ada")).toBe(true);
    // A word that tmux would take for the end of its command comes through as it is.
    expect(pidsIn(path)[0]?.args).toContain(";");
    const ended = await user.repowire("peer", "kill", "api@dev");
    expect(ended.out).toMatch(/^ended api: .*TERM.*its pane is gone/);
    expect(processInfo(pidsIn(path)[0]?.pid as number)).toBeUndefined();
  });

  test("an agent starts one in its own circle by a profile, asks it, and ends it with all that it started", async () => {
    // @req spawn.own-circle
    // @req spawn.kill-proven
    const path = folder("worker");
    const output = await started({ path, profile: "works" });
    expect(output.peer).toMatchObject({ name: "worker", circle: "dev", spawned_by: "lead", identity: "proven" });
    const asking = lead.call("ask", { peer: "worker", question: "How many?", wait_seconds: 30 });
    await until(() => log("works").some((entry) => entry.body === "How many?"), "the question");
    const killed = await lead.call("kill", { peer: "worker" });
    expect(killed).toMatchObject({ already: false, left: [], pane_gone: true, failed_asks: 1 });
    const [own] = pidsIn(path);
    for (const pid of [own?.pid, own?.child]) expect(processInfo(pid as number)).toBeUndefined();
    expect(await asking).toMatchObject({ state: "failed", reason: "session_gone" });
    expect(await lead.call("kill", { peer: "worker" })).toMatchObject({ already: true, ended: [] });
  });

  test("one that ignores TERM gets KILL", async () => {
    await started({ path: folder("stubborn"), profile: "stubborn" });
    const killed = await lead.call("kill", { peer: "stubborn" });
    expect(killed.ended.some(({ by }) => by === "KILL")).toBe(true);
    expect(killed.left).toEqual([]);
  });

  test("only its own, or as orchestrator or human: another agent's and a person's are refused", async () => {
    // @req spawn.kill-own-only
    await started({ path: folder("mine"), profile: "works" });
    await expect(other.call("kill", { peer: "mine" })).rejects.toThrow(/^forbidden: You did not start mine/);
    await expect(lead.call("kill", { peer: "other" })).rejects.toThrow(/^forbidden/);
    await expect(lead.call("kill", { peer: "lead" })).rejects.toThrow(/^forbidden: lead is you/);
    await expect(lead.call("kill", { peer: "ada" })).rejects.toThrow(/^forbidden: ada is no session/);
    await lead.call("kill", { peer: "mine" });
  });

  test("another circle, arguments of its own, an unknown profile, a taken name are refused to an agent", async () => {
    const path = folder("refused");
    await expect(lead.call("spawn", { path, circle: "ops" })).rejects.toThrow(/^circle_mismatch/);
    await expect(lead.call("spawn", { path, args: ["--yolo"] })).rejects.toThrow(/^human_required/);
    await expect(lead.call("spawn", { path, profile: "__proto__" })).rejects.toThrow(
      /^invalid_input: There is no profile/,
    );
    await expect(lead.call("spawn", { path, name: "other", runtime: "opencode" })).rejects.toThrow(/^name_taken/);
    await expect(lead.call("spawn", { path, name: "-t" as "x" })).rejects.toThrow(/^invalid_input/);
    await expect(lead.call("spawn", { path: join(work, "nowhere"), runtime: "opencode" })).rejects.toThrow(
      /^not_found/,
    );
    expect((await peers()).some((peer) => peer.path === path)).toBe(false);
  });

  test("a folder outside the list waits for a person, however its path is written", async () => {
    // @req spawn.allowlist
    symlinkSync(secret, join(work, "looks-inside"));
    for (const path of [join(work, "looks-inside"), `${work}/../secret`, "../secret"]) {
      const spawning = lead.call("spawn", { path, runtime: "opencode" });
      const refusal = spawning.catch((error: Error) => error.message);
      const approval = await until(async () => (await daemon.mesh.approvals({})).approvals[0], "the request");
      expect(approval).toMatchObject({ tool: "spawn_peer", peer_name: "lead" });
      expect(approval.preview).toContain(`in ${secret}`);
      await user.repowire("deny", approval.handle, "not", "there");
      expect(await refusal).toMatch(/^denied: .*denied \(not there\)/);
    }
    expect((await peers()).some((peer) => peer.path === secret)).toBe(false);
    const spawning = started({ path: secret, runtime: "opencode", name: "allowed" });
    const approval = await until(async () => (await daemon.mesh.approvals({})).approvals[0], "the request");
    await user.repowire("approve", approval.handle);
    expect((await spawning).peer).toMatchObject({ name: "allowed", path: secret });
    await lead.call("kill", { peer: "allowed" });
  });

  test("`repowire opencode ARGS` starts one here with its own words, and its pane can be opened", async () => {
    // @req spawn.here
    const path = folder("here");
    const log_ = join(daemon.sandbox.root, "works.log");
    const cli = fromSource();
    const ran = await user.run(["sh", "-c", 'cd "$0" && exec "$@"', path, ...cli, "opencode", "--log", log_, "--json"]);
    expect([ran.err, ran.code]).toEqual(["", 0]);
    expect(pidsIn(path)[0]?.args).toEqual(["--log", log_, "--json"]);
    const said = await user.repowire("peer", "attach", "here");
    expect(said.out).toMatch(/^here is in repowire:\d+\.\d+\. To open it.*\n.*attach-session -t '?%\d+'?\n$/);
    const { attach } = JSON.parse((await user.repowire("peer", "attach", "here", "--json")).out);
    const clients = () =>
      Bun.spawnSync([
        attach[0],
        "-S",
        join(daemon.sandbox.root, "tmux.sock"),
        "list-clients",
        "-F",
        "#{pane_id}",
      ]).stdout.toString();
    using screen = tempHome();
    const terminal = privateTerminal(screen.path);
    try {
      terminal.open("t", {
        cwd: path,
        env: daemon.sandbox.env,
        command: ["env", "-u", "TMUX", ...cli, "peer", "attach", "here"],
      });
      await until(() => clients().includes(attach.at(-1)), "the pane on the screen");
    } finally {
      terminal.close();
    }
    await expect(lead.call("pane", { peer: "here" })).rejects.toThrow(/^human_required/);
    await user.repowire("peer", "kill", "here");
    expect((await user.repowire("peer", "attach", "here")).err).toContain("gone with its session");
    expect((await user.repowire("peer", "attach", "lead@dev")).err).toContain("did not start lead");
  });

  test("one that ends at once fails with its screen, and leaves no seat", async () => {
    // @req spawn.fails-with-its-screen
    const path = folder("fails");
    const failing = lead.call("spawn", { path, profile: "fails", prompt: "never read" });
    await expect(failing).rejects.toThrow(/^launch_failed: fails did not start: .*\n.*unknown option --nonsense/);
    expect((await peers()).some((peer) => peer.path === path)).toBe(false);
  });

  test("a dialog about trust is never answered: it fails with what the person has to do", async () => {
    // @req spawn.no-dialog-answered
    const path = folder("untrusted");
    await expect(lead.call("spawn", { path, profile: "trust" })).rejects.toThrow(
      /trust this folder, which only you can/,
    );
    expect(log("trust")).toEqual([]);
    expect((await peers()).some((peer) => peer.path === path)).toBe(false);
  });

  test("a folder's name is no command for tmux", async () => {
    const path = folder("#(touch pwned) #{pane_id};");
    const output = await started({ path, profile: "works", name: "odd" });
    expect(output.peer.path).toBe(path);
    await lead.call("kill", { peer: "odd" });
    expect(existsSync(join(path, "pwned"))).toBe(false);
  });

  test("one that dies by itself: whoever started it is told", async () => {
    // @req spawn.death-is-told
    const path = folder("mortal");
    const { peer } = await started({ path, profile: "works" });
    process.kill(peer.pid as number, "SIGKILL");
    const isNotice = ({ body }: Envelope) => body.startsWith("mortal ended by itself");
    const notice = await until(() => lead.received.find(isNotice), "the notice");
    expect(notice.urgency).toBe("normal");
    for (const entry of pidsIn(path)) if (processInfo(entry.child as number)) process.kill(entry.child as number);
  });

  test("the daemon is killed while one runs: the new one knows whose it is, and ends it", async () => {
    const path = folder("lasting");
    await started({ path, profile: "works" });
    await daemon.crashAndRestart();
    await until(async () => {
      const peer = (await peers()).find((candidate) => candidate.name === "lasting");
      return peer?.delivery?.rung === "push" && peer.spawned_by === "lead";
    }, "its return");
    expect(await lead.call("kill", { peer: "lasting" })).toMatchObject({ left: [], pane_gone: true });
  });
});
