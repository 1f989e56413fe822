import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { notifierScript } from "../../test/support/notifier-script.ts";
import { tempHome } from "../../test/support/temp-home.ts";
import { until } from "../../test/support/until.ts";
import { processInfo } from "./process.ts";
import { runNotifier } from "./run-notifier.ts";

// @req notifier.bounded
test("one that is not over in time is ended with its process group, whatever it ignores", async () => {
  using temp = tempHome();
  const program = notifierScript(temp.path, "slow", `trap "" TERM HUP INT; sleep 600 & echo $! > left; wait`);
  const failure = await runNotifier({
    command: [program],
    cwd: temp.path,
    env: { PATH: process.env.PATH ?? "" },
    stdin: "x".repeat(8_000),
    timeoutMs: 300,
  });
  expect(failure).toBe("was not over after 0.3 s and was ended");
  const left = Number(readFileSync(join(temp.path, "left"), "utf8"));
  await until(() => processInfo(left) === undefined, "its child is gone");
});
