import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { findDaemon, httpMesh } from "../../src/client/index.ts";
import { buildBundles } from "../../src/platform/bundle.ts";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import { processExecutable } from "../../src/platform/process.ts";
import { VERSION } from "../../src/protocol/index.ts";
import { launcherPath } from "../../src/setup/launchers.ts";
import { type ChannelClient, channelClient } from "../support/channel-client.ts";
import { processesOf, type Ran, type SetupSandbox, setupSandbox } from "../support/setup-sandbox.ts";
import { until } from "../support/until.ts";
import { versionsIn } from "../support/versions.ts";

// Real processes, on machines that have other work too. These tests build on one another in order.
setDefaultTimeout(120_000);

const NEXT = "99.0.0";
let sandbox: SetupSandbox;
let next: string;
/** Two sessions, started before the update with the channel of that version. */
let frontend: ChannelClient;
let backend: ChannelClient;

const json = ({ out, err }: Ran) => {
  if (out === "") throw new Error(err);
  return JSON.parse(out);
};
const cli = (...words: string[]) => sandbox.run([sandbox.paths.cliLauncher, ...words]);
const inVersion = (name: string, file: string) => join(realpathSync(sandbox.paths.versions), name, file);

function session(name: string): Promise<ChannelClient> {
  const cwd = sandbox.file(name);
  mkdirSync(cwd, { recursive: true });
  return channelClient({ command: [launcherPath(sandbox.paths, "channel")], cwd, env: sandbox.env });
}

beforeAll(async () => {
  sandbox = await setupSandbox({ others: { opencode: "1.18.33" } });
  next = sandbox.file("next");
  await buildBundles(next, { version: NEXT });
  mkdirSync(sandbox.paths.home, { mode: 0o700 });
  sandbox.write(".repowire/config.yaml", "pair_per_minute: 0\npair_per_night: 0\ncircle_per_minute: 0\n");
  const setup = json(await sandbox.repowire("setup", "--yes", "--json"));
  expect(setup).toMatchObject({ ok: true, program: { name: VERSION } });
  [frontend, backend] = await Promise.all([session("frontend"), session("backend")]);
  await Promise.all([frontend.client.listTools(), backend.client.listTools()]);
  await until(async () => (await frontend.call("list_peers")).text.includes("backend"), "both sessions");
});
afterAll(async () => {
  await Promise.all([frontend, backend].map((one) => one?.[Symbol.asyncDispose]()));
  await sandbox[Symbol.asyncDispose]();
});

describe("An update under running sessions", () => {
  test("is told of and not made with --check", async () => {
    const before = versionsIn(sandbox.paths);
    expect(json(await cli("update", "--check", "--from", next, "--json"))).toEqual({
      installed: VERSION,
      offered: NEXT,
      from: next,
      update: true,
    });
    expect(versionsIn(sandbox.paths)).toEqual(before);
    expect((await cli("--version")).out.trim()).toBe(VERSION);
  });

  // @req update.unnoticed
  test("loses and doubles no message, and a call that waits gets its answer", async () => {
    const daemon = readDaemonRecord(sandbox.paths.home);
    const waiting = frontend.call("ask_peer", { peer: "backend", question: "Which port?", wait_seconds: 50 });
    const { meta } = await backend.pushed("Which port?");
    const accepted: number[] = [];
    let isOver = false;
    const load = (async () => {
      for (let number = 1; !isOver; number++) {
        const said = await frontend.call("notify_peer", { peer: "backend", text: `load ${number}.` });
        if (!said.isError) accepted.push(number);
        else throw new Error(said.text);
        await Bun.sleep(15);
      }
    })();
    await until(() => accepted.length > 10, "the load before");
    const update = json(await cli("update", "--from", next, "--json"));
    const during = accepted.length;
    await until(() => accepted.length > during + 10, "the load after");
    isOver = true;
    await load;

    expect(update).toMatchObject({ ok: true, state: "updated", before: VERSION, version: NEXT });
    expect(update.daemon.how).toBe("restarted");
    expect(readDaemonRecord(sandbox.paths.home)).toMatchObject({ version: NEXT });
    expect(readDaemonRecord(sandbox.paths.home)?.pid).not.toBe(daemon?.pid);
    const arrived = () =>
      backend.pushes.flatMap(({ content }) => content.match(/load (\d+)\.$/)?.[1] ?? []).map(Number);
    await until(() => arrived().length >= accepted.length, "all of them");
    expect(arrived()).toEqual(accepted);
    expect(accepted).toEqual(accepted.map((_, at) => at + 1));

    await backend.call("reply", { id: meta.id, text: "8377" });
    expect((await waiting).text).toContain("8377");
  });

  test("is what every new process gets, and what runs keeps its own version, which stays", async () => {
    expect((await cli("--version")).out.trim()).toBe(NEXT);
    expect(processExecutable(backend.channelPid)).toBe(inVersion(VERSION, "bun"));
    expect(processExecutable(readDaemonRecord(sandbox.paths.home)?.pid ?? 0)).toBe(inVersion(NEXT, "bun"));
    expect(versionsIn(sandbox.paths)).toEqual([VERSION, NEXT]);
    const call = frontend.call("ask_peer", { peer: "backend", question: "Still there?" });
    const { meta } = await backend.pushed("Still there?");
    await backend.call("reply", { id: meta.id, text: "yes" });
    expect((await call).text).toContain("yes");
    await using later = await session("later");
    expect(processExecutable(later.channelPid)).toBe(inVersion(NEXT, "bun"));
  });

  // @req update.refreshes
  test("brings the files of the CLIs to the new version, and allows no tool that was not allowed", async () => {
    expect(sandbox.text(".config/opencode/plugins/repowire.js")).toStartWith(
      `// repowire plugin for OpenCode ${NEXT};`,
    );
    const settings = JSON.parse(sandbox.text(".claude/settings.json"));
    const [first, ...others] = settings.permissions.allow;
    sandbox.write(".claude/settings.json", JSON.stringify({ ...settings, permissions: { allow: others } }, null, 2));
    expect(json(await cli("update", "--from", next, "--json"))).toMatchObject({
      refreshed: { changed: [], problems: [] },
    });
    expect(first).toStartWith("mcp__repowire__");
    expect(sandbox.text(".claude/settings.json")).not.toContain(`"${first}"`);
  });

  test("made again says that it is current, and what nothing runs from goes", async () => {
    const again = json(await cli("update", "--from", next, "--json"));
    expect(again).toMatchObject({ ok: true, state: "current", version: NEXT, daemon: { how: "kept" } });
    const stays = again.old_versions.in_use.map(({ name, pids }: { name: string; pids: number[] }) => [
      name,
      pids.sort(),
    ]);
    expect(stays).toEqual([[VERSION, [frontend.channelPid, backend.channelPid].sort()]]);
    await Promise.all([frontend, backend].map((one) => one[Symbol.asyncDispose]()));
    const last = await cli("update", "--from", next);
    expect(last.out).toContain(`repowire ${NEXT} is already current.\n`);
    expect(last.out).toContain(`${VERSION} was removed.`);
    expect(versionsIn(sandbox.paths)).toEqual([NEXT]);
  });

  test("leaves the mail where it was, and uninstall leaves nothing", async () => {
    const address = await findDaemon(sandbox.paths.home);
    if (!address) throw new Error("no daemon");
    const { peers } = await httpMesh(address).peers({ include_offline: true });
    expect(peers.map(({ name }) => name)).toEqual(expect.arrayContaining(["frontend", "backend"]));
    const ran = await cli("uninstall", "--yes", "--remove-data", "--json");
    expect(json(ran)).toMatchObject({ ok: true, left: [] });
    for (const gone of [".repowire", ".config"]) expect(existsSync(sandbox.file(gone))).toBe(false);
    expect(processesOf(sandbox.paths)).toEqual([]);
  });
});
