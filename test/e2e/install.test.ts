import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { buildBundles } from "../../src/platform/bundle.ts";
import { type HomePaths, homePaths } from "../../src/platform/paths.ts";
import { processesFrom } from "../../src/platform/process.ts";
import { ENTRIES, FACTS, PAGE_BUNDLE, PLUGINS } from "../../src/platform/program.ts";
import { VERSION } from "../../src/protocol/index.ts";
import { currentVersion, installProgram, removeOldVersions } from "../../src/setup/install.ts";
import { ownProgram } from "../../src/setup/program-source.ts";
import { type TempHome, tempHome } from "../support/temp-home.ts";

// Real processes, on machines that have other work too.
setDefaultTimeout(60_000);

/** One home for all tests here, which build on one another in order. */
let temp: TempHome;
let root: string;
let paths: HomePaths;
/** The bundles, made once. */
let bundles: string;
const install = (into: HomePaths = paths) =>
  installProgram(into, { ...ownProgram(), fill: async (folder) => cpSync(bundles, folder, { recursive: true }) });
const inVersions = (...names: string[]) => join(paths.versions, ...names);
const folders = () => readdirSync(paths.versions).sort();

beforeAll(async () => {
  temp = tempHome();
  root = realpathSync(temp.path);
  bundles = join(root, "bundles");
  await buildBundles(bundles);
  paths = homePaths(join(root, "home"));
});
afterAll(() => temp[Symbol.dispose]());

describe("An installed version", () => {
  test("holds Bun, the bundles with their bytecode and an empty bunfig, and is the current one", async () => {
    expect(currentVersion(paths)).toBeUndefined();
    const program = await install();
    expect(program).toMatchObject({ name: VERSION, folder: inVersions(VERSION), isNew: true });
    const names = Object.values(ENTRIES).flatMap(({ bundle }) => [bundle, `${bundle}.jsc`]);
    const plugins = Object.values(PLUGINS).map(({ bundle }) => bundle);
    expect(readdirSync(program.folder).sort()).toEqual(
      ["bun", "bunfig.toml", PAGE_BUNDLE, FACTS, "manifest.json", ...names, ...plugins].sort(),
    );
    expect(readlinkSync(inVersions("current"))).toBe(VERSION);
    expect(currentVersion(paths)).toBe(VERSION);
    expect(folders()).toEqual([VERSION, "current"]);
  });

  test("is private, and its Bun is the same file where the file system allows it", () => {
    for (const folder of [paths.home, paths.versions, inVersions(VERSION)])
      expect(statSync(folder).mode & 0o077).toBe(0);
    expect(statSync(inVersions(VERSION, "bun")).size).toBe(statSync(realpathSync(process.execPath)).size);
  });

  test("is left as it is when the same is installed again", async () => {
    const before = lstatSync(inVersions(VERSION)).ino;
    expect(await install()).toMatchObject({ name: VERSION, isNew: false });
    expect(lstatSync(inVersions(VERSION)).ino).toBe(before);
    expect(folders()).toEqual([VERSION, "current"]);
  });

  test("is never changed: another build of the same version gets a folder beside it", async () => {
    // As if this folder had been made from other sources.
    const hook = inVersions(VERSION, ENTRIES.hook.bundle);
    writeFileSync(hook, `${readFileSync(hook, "utf8")}\n`);
    const child = Bun.spawn([inVersions(VERSION, "bun"), "-e", "setInterval(() => {}, 1000)"], { cwd: root });
    try {
      const program = await install();
      expect(program.name).toMatch(new RegExp(`^${VERSION}-[0-9a-f]{8}$`));
      expect(currentVersion(paths)).toBe(program.name);
      expect(removeOldVersions(paths)).toEqual({ removed: [], inUse: [{ name: VERSION, pids: [child.pid] }] });
      expect(existsSync(hook)).toBe(true);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
    const again = await install();
    expect(again.isNew).toBe(false);
    expect(removeOldVersions(paths)).toEqual({ removed: [VERSION], inUse: [] });
    expect(folders()).toEqual([again.name, "current"]);
  });

  test("that is damaged is made anew", async () => {
    const name = currentVersion(paths) ?? "";
    rmSync(inVersions(name, ENTRIES.cli.bundle));
    const program = await install();
    expect(program).toMatchObject({ name: VERSION, isNew: true });
    expect(removeOldVersions(paths).removed).toEqual([name]);
  });

  test("replaces older ones, and what a setup that was killed left behind", async () => {
    mkdirSync(inVersions("0.0.1"));
    // No process has this pid: the kernel's limit is far below.
    mkdirSync(inVersions(".staging-99999999-abc"));
    mkdirSync(inVersions(`.staging-${process.ppid}-abc`));
    expect(await install()).toMatchObject({ name: VERSION, isNew: false });
    expect(removeOldVersions(paths).removed).toEqual(["0.0.1"]);
    expect(folders()).toEqual([`.staging-${process.ppid}-abc`, VERSION, "current"]);
  });

  test("that does not start is not made current, and nothing of it stays", async () => {
    const other = homePaths(join(root, "other"));
    // As on a file system that programs may not be started from.
    const broken = join(root, "broken-bun");
    writeFileSync(broken, "#!/bin/sh\necho cannot start >&2\nexit 126\n", { mode: 0o755 });
    const { execPath } = process;
    try {
      process.execPath = broken;
      await expect(install(other)).rejects.toThrow("does not start: cannot start");
    } finally {
      process.execPath = execPath;
    }
    expect(currentVersion(other)).toBeUndefined();
    expect(readdirSync(other.versions)).toEqual([]);
  });
});

test("A version in use is known by the program that a process runs, whatever the process calls itself", async () => {
  const folder = inVersions(currentVersion(paths) ?? "");
  const child = Bun.spawn([join(folder, "bun"), "-e", "setInterval(() => {}, 1000)"], { cwd: root, argv0: "other" });
  try {
    expect(processesFrom(folder).map(({ pid }) => pid)).toEqual([child.pid]);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
});
