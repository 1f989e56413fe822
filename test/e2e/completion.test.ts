import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync } from "node:fs";
import { isSafeWord } from "../../src/cli/completion/candidates.ts";
import { SCRIPTS } from "../../src/cli/completion/scripts.ts";
import { shellWord } from "../../src/platform/shell.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { needs } from "../support/needs.ts";
import { fromSource, type SetupSandbox, setupSandbox } from "../support/setup-sandbox.ts";

setDefaultTimeout(60_000);

/** A `repowire` on the PATH of the sandbox, as after an installation. */
function onPath(sandbox: SetupSandbox): void {
  const file = sandbox.write("bin/repowire", `#!/bin/sh\nexec ${fromSource().map(shellWord).join(" ")} "$@"\n`);
  chmodSync(file, 0o755);
}

/** What bash would show: the script is sourced, and its function called as a Tab calls it. */
async function bash(sandbox: SetupSandbox, ...words: string[]): Promise<string[]> {
  const line = ["repowire", ...words];
  const { out, err } = await sandbox.run([
    "bash",
    "--norc",
    "-c",
    `source <(repowire completion bash)
complete -p repowire >/dev/null || exit 9
compopt() { echo "compopt $*"; }
COMP_WORDS=(${line.map((word) => shellWord(word) || "''").join(" ")}); COMP_CWORD=${line.length - 1}
_repowire
printf '%s\\n' "\${COMPREPLY[@]}"`,
  ]);
  expect(err).toBe("");
  return out.split("\n").filter(Boolean);
}

describe("completion in bash", () => {
  let daemon: DaemonProcess;
  let session: FakeSession;
  beforeAll(async () => {
    daemon = await daemonProcess();
    onPath(daemon.sandbox);
    session = await fakeSession(daemon.sandbox, "backend");
  });
  afterAll(async () => {
    await session?.[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
  });
  const tab = (...words: string[]) => bash(daemon.sandbox, ...words);

  test("knows commands, subcommands, options, runtimes, choices, files and the peers that are there", async () => {
    // @req cli.completion
    expect(await tab("dae")).toEqual(["daemon"]);
    expect(await tab("")).not.toContain("complete");
    expect(await tab("daemon", "st")).toEqual(["start", "stop", "status"]);
    expect(await tab("daemon", "logs", "--f")).toEqual(["--follow"]);
    expect(await tab("peer", "new", "/tmp", "--runtime", "co")).toEqual(["codex"]);
    expect(await tab("setup", "o")).toEqual(["opencode"]);
    expect(await tab("completion", "")).toEqual(["bash", "zsh", "fish"]);
    expect(await tab("peer", "new", "")).toEqual(["compopt -o default"]);
    expect(await tab("peer", "ask", "back")).toEqual([session.name]);
    expect(await tab("peer", "inbound", session.name, "h")).toEqual(["hold"]);
    expect(await tab("history", "--with", "back")).toEqual([session.name]);
    expect(await tab("codex", "exec", "--")).toEqual([]);
  });
});

test("Without a daemon a Tab offers no peer, says nothing and starts none", async () => {
  // @req cli.completion
  await using sandbox = await setupSandbox();
  onPath(sandbox);
  expect(await bash(sandbox, "peer", "ask", "")).toEqual([]);
  expect(existsSync(sandbox.paths.home)).toBe(false);
});

test("A name is only offered where a shell reads it as one plain word", () => {
  for (const word of ["backend", "api-2@dev", "a.b_c+d"]) expect([word, isSafeWord(word)]).toEqual([word, true]);
  for (const word of ["", "-rf", "$(id)", "a b", "a;b", "a\nb", "`id`", "a'b", "~x", "*"])
    expect([word, isSafeWord(word)]).toEqual([word, false]);
});

const PARSE = { zsh: ["zsh", "-n"], fish: ["fish", "--no-execute"] } as const;
for (const shell of ["zsh", "fish"] as const) {
  needs(
    shell,
    Bun.which(shell) !== null,
    `apt-get install ${shell}`,
  )(`completion in ${shell}`, () => {
    test("is a script that it can read", async () => {
      await using sandbox = await setupSandbox();
      const file = sandbox.write("script", SCRIPTS[shell]);
      expect(await sandbox.run([...PARSE[shell], file])).toMatchObject({ code: 0, err: "" });
    });
  });
}
