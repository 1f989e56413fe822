import { expect, test } from "bun:test";
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempHome } from "../../test/support/temp-home.ts";
import { fileInCheckout } from "./repository-file.ts";

// @req radar.own-checkout
// @attack report-paths
test("only a file of the checkout is one, whatever a report names", () => {
  using temp = tempHome();
  const base = realpathSync(temp.path);
  const root = join(base, "repo");
  mkdirSync(join(root, "src"), { recursive: true });
  mkdirSync(join(root, ".git"));
  mkdirSync(join(base, "repo-2"));
  writeFileSync(join(root, "src", "a.ts"), "");
  writeFileSync(join(base, "secret"), "");
  symlinkSync(join(base, "secret"), join(root, "out"));
  symlinkSync(base, join(root, "up"));
  symlinkSync(join(base, "not-there"), join(root, "dangling"));
  symlinkSync(join(root, "src"), join(root, "inner"));
  symlinkSync(root, join(base, "alias"));
  const found = (named: string) => fileInCheckout(root, join(root, "src"), named);

  const file = join(root, "src", "a.ts");
  for (const named of ["a.ts", "./a.ts", "../src/a.ts", file, "../inner/a.ts", join(base, "alias", "src", "a.ts")])
    expect([named, found(named)]).toEqual([named, file]);
  expect(found("new/deep/b.ts")).toBe(join(root, "src", "new", "deep", "b.ts"));
  expect(found("\u001b]0;owned\u0007.ts")).toBe(join(root, "src", "\u001b]0;owned\u0007.ts"));
  for (const named of [
    "",
    "..",
    "../..",
    "/etc/passwd",
    "/proc/self/environ",
    "../../secret",
    "../../repo-2/a.ts",
    "../out",
    "../up/secret",
    "../dangling",
    "../.git/config",
    "a\0b",
    "x".repeat(5_000),
    `${"d/".repeat(40)}x`,
  ])
    expect([named.slice(0, 40), found(named)]).toEqual([named.slice(0, 40), undefined]);
  // A name like any other, below the folder.
  expect(found("file:///etc/passwd")).toStartWith(`${root}/src/`);
});
