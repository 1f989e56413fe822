import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { shellWord } from "../../src/platform/shell.ts";
import { fromSource, type Ran, type SetupSandbox } from "./setup-sandbox.ts";
import { privateTerminal, type Terminal } from "./terminal.ts";
import { until } from "./until.ts";

/** A person at a terminal of their own, outside every agent's process tree: a window of a private tmux. */
export interface Person extends Disposable {
  /** Runs the command line in that terminal. */
  repowire(...args: string[]): Promise<Ran>;
  run(command: string[]): Promise<Ran>;
}

/** Runs commands each in a window of its own, and resolves to what it printed. Files of each lie in `folder` meanwhile. */
export function inTerminal(
  terminal: Terminal,
  { folder, cwd, env, timeoutMs }: { folder: string; cwd: string; env: Record<string, string>; timeoutMs?: number },
): (words: string[]) => Promise<Ran> {
  let count = 0;
  return async (words) => {
    const name = `person-${++count}`;
    const file = (what: string) => join(folder, `${name}.${what}`);
    const command = words.map(shellWord).join(" ");
    terminal.open(name, {
      cwd,
      env,
      command: [
        "sh",
        "-c",
        `${command} >${file("out")} 2>${file("err")}; echo $? >${file("part")}; mv ${file("part")} ${file("code")}`,
      ],
    });
    await until(() => existsSync(file("code")), `the end of ${words.join(" ")}`, timeoutMs);
    const [code, out, err] = ["code", "out", "err"].map((what) => readFileSync(file(what), "utf8"));
    for (const what of ["code", "out", "err"]) rmSync(file(what));
    terminal.kill(name);
    return { code: Number(code), out: out ?? "", err: err ?? "" };
  };
}

export function person(sandbox: SetupSandbox): Person {
  const terminal = privateTerminal(sandbox.root);
  // A tmux server ends with its last window, and then refuses whoever comes at that moment.
  terminal.open("keep", { cwd: sandbox.root, env: sandbox.env, command: ["sleep", "600"] });
  const run = inTerminal(terminal, { folder: sandbox.root, cwd: sandbox.root, env: sandbox.env });
  return {
    repowire: (...args) => run([...fromSource(), ...args]),
    run,
    [Symbol.dispose]: () => terminal.close(),
  };
}
