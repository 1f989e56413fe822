import { afterAll, expect, test } from "bun:test";
import { closeSync, mkdirSync, readFileSync, realpathSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempHome } from "../../test/support/temp-home.ts";
import { readToAttach } from "./inside.ts";
import { openBeneath } from "./open-beneath.ts";

const home = tempHome();
const root = realpathSync(home.path);
const own = join(root, "own");
mkdirSync(join(own, "logs"), { recursive: true });
mkdirSync(join(root, "other"));
writeFileSync(join(own, "logs", "run.log"), "mine");
writeFileSync(join(root, "other", "run.log"), "not mine");
symlinkSync(join(root, "other"), join(own, "out"));
symlinkSync("logs/run.log", join(own, "last.log"));
Bun.spawnSync(["mkfifo", join(own, "pipe")]);
afterAll(() => home[Symbol.dispose]());

function read(folder: string, parts: string[]): string | undefined {
  const fd = openBeneath(folder, parts);
  if (fd === undefined) return undefined;
  const text = readFileSync(fd, "utf8");
  closeSync(fd);
  return text;
}

test("a file is opened by its parts; what is no regular file is not", () => {
  expect(read(own, ["logs", "run.log"])).toBe("mine");
  for (const parts of [["logs"], ["pipe"], ["last.log"]]) expect(read(own, parts)).toBeUndefined();
  expect(read("/", ["dev", "zero"])).toBeUndefined();
  expect(() => read(own, ["out", "run.log"])).toThrow();
  expect(() => read(own, ["..", "other", "run.log"])).toThrow("no way down");
});

// @req attachment.inside
test("a folder that becomes a link after it was looked up leads nowhere", () => {
  // The path was found to lie inside; then it is changed, before it is opened.
  const parts = realpathSync(join(own, "logs", "run.log"))
    .slice(own.length + 1)
    .split("/");
  renameSync(join(own, "logs"), join(own, "logs-away"));
  symlinkSync(join(root, "other"), join(own, "logs"));
  expect(() => read(own, parts)).toThrow();
  renameSync(join(own, "logs"), join(own, "logs-link"));
  renameSync(join(own, "logs-away"), join(own, "logs"));
  expect(read(own, parts)).toBe("mine");
});

test("a link that stays inside may be named; the system's files that say they are empty may not, nor repowire's own", () => {
  const inside = (path: string, folder = own, except?: string) =>
    new TextDecoder().decode(readToAttach(path, { from: folder, inside: folder, except }).bytes);
  expect(inside("last.log")).toBe("mine");
  expect(() => inside("proc/1/status", "/")).toThrow("changed while it was read");
  expect(() => inside("own/logs/run.log", root, own)).toThrow("repowire's own files");
});
