import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TempHome, tempHome } from "../../test/support/temp-home.ts";
import { homePaths } from "../platform/paths.ts";
import { writeLaunchers } from "./launchers.ts";
import { checkRemovable, removeHome, removeProgram, removeTraces } from "./remove.ts";

let temp: TempHome;
let root: string;
const { HOME } = process.env;

beforeEach(() => {
  temp = tempHome();
  root = realpathSync(temp.path);
  process.env.HOME = join(root, "person");
  mkdirSync(join(root, "person"));
});
afterEach(() => {
  process.env.HOME = HOME;
  temp[Symbol.dispose]();
});

/** A home as a daemon leaves it. */
function makeHome(folder: string) {
  mkdirSync(folder, { recursive: true });
  for (const name of ["token", "repowire.db", "config.yaml"]) writeFileSync(join(folder, name), "");
  return homePaths(folder);
}

describe("Removing the whole home", () => {
  test("takes all that is in it, and nothing outside", () => {
    const paths = makeHome(join(root, "person", ".repowire"));
    writeFileSync(join(root, "outside"), "");
    symlinkSync(root, join(paths.home, "link-out"));
    removeHome(paths);
    expect(existsSync(paths.home)).toBe(false);
    expect(readdirSync(root).sort()).toEqual(["outside", "person"]);
  });

  test("takes the folder behind a link, and the link", () => {
    const real = makeHome(join(root, "data", "repowire")).home;
    const paths = homePaths(join(root, "person", ".repowire"));
    symlinkSync(real, paths.home);
    removeHome(paths);
    expect(existsSync(real)).toBe(false);
    expect(lstatSync(paths.home, { throwIfNoEntry: false })).toBeUndefined();
    expect(existsSync(join(root, "data"))).toBe(true);
  });

  test.each([
    ["the person's own home", () => makeHome(join(root, "person"))],
    ["a folder above it", () => makeHome(root)],
    ["the file system's root", () => homePaths("/")],
  ])("is refused where it would take the person's files: %s", (_name, make) => {
    // Only the check: were it wrong, a test must not be what removes them.
    const paths = make();
    expect(() => checkRemovable(paths)).toThrow("your own files are in it");
  });

  test("is refused where the folder is somebody's repository, or has nothing of repowire", () => {
    const repository = makeHome(join(root, "person", "work"));
    mkdirSync(join(repository.home, ".git"));
    expect(() => removeHome(repository)).toThrow("does not look like a home of repowire");
    expect(existsSync(join(repository.home, "token"))).toBe(true);
    mkdirSync(join(root, "person", "music"));
    expect(() => checkRemovable(homePaths(join(root, "person", "music")))).toThrow("does not look like a home");
  });
});

describe("Removing the program", () => {
  test("keeps data, and what somebody else put among the launchers", () => {
    const paths = makeHome(join(root, "person", ".repowire"));
    writeLaunchers(paths, ["cli", "hook", "channel", "claude"]);
    writeFileSync(join(paths.bin, "mine"), "");
    mkdirSync(paths.versions);
    removeProgram(paths);
    removeTraces(paths);
    expect(readdirSync(paths.home).sort()).toEqual(["bin", "config.yaml", "repowire.db", "token"]);
    expect(readdirSync(paths.bin)).toEqual(["mine"]);
  });

  test("leaves no empty home behind", () => {
    const paths = homePaths(join(root, "person", ".repowire"));
    mkdirSync(paths.home);
    writeLaunchers(paths, ["cli"]);
    removeProgram(paths);
    removeTraces(paths);
    expect(existsSync(paths.home)).toBe(false);
  });
});
