import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> };
const SUITES = Object.keys(scripts).filter((name) => /^(?:test|bench|check|demo)(?::|$)/.test(name));

test("every suite has its entry looked at", () => {
  expect(SUITES).toContain("bench");
  expect(SUITES.length).toBeGreaterThan(8);
});

// Each of them runs for minutes: what prints its options does not begin with that.
test.each(SUITES)("npm run %s -- --help prints its options at once", (name) => {
  const words = (scripts[name] ?? "").split(" ");
  const { stdout, exitCode } = Bun.spawnSync([...words, "--help"], { cwd: ROOT, timeout: 10_000 });
  const [first = ""] = stdout.toString().split("\n");
  expect([exitCode, first]).toEqual([
    0,
    expect.stringMatching(name === "test" ? /^npm test -- / : `npm run ${name} -- `),
  ]);
});
