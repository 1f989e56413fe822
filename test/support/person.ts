import { existsSync, readFileSync, rmSync } from "node:fs";
import { fromSource, type Ran, type SetupSandbox } from "./setup-sandbox.ts";
import { privateTerminal } from "./terminal.ts";
import { until } from "./until.ts";

/** A person at a terminal of their own, outside every agent's process tree: a window of a private tmux. */
export interface Person extends Disposable {
  /** Runs the command line in that terminal. */
  repowire(...args: string[]): Promise<Ran>;
  run(command: string[]): Promise<Ran>;
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export function person(sandbox: SetupSandbox): Person {
  const terminal = privateTerminal(sandbox.root);
  // A tmux server ends with its last window, and then refuses whoever comes at that moment.
  terminal.open("keep", { cwd: sandbox.root, env: sandbox.env, command: ["sleep", "600"] });
  let count = 0;
  return {
    repowire: (...args) => run([...fromSource(), ...args]),
    run,
    [Symbol.dispose]: () => terminal.close(),
  };

  async function run(words: string[]): Promise<Ran> {
    const name = `person-${++count}`;
    const file = (what: string) => sandbox.file(`${name}.${what}`);
    const command = words.map(quote).join(" ");
    terminal.open(name, {
      cwd: sandbox.root,
      env: sandbox.env,
      command: [
        "sh",
        "-c",
        `${command} >${file("out")} 2>${file("err")}; echo $? >${file("part")}; mv ${file("part")} ${file("code")}`,
      ],
    });
    await until(() => existsSync(file("code")), `the end of ${words.join(" ")}`);
    const [code, out, err] = ["code", "out", "err"].map((what) => readFileSync(file(what), "utf8"));
    for (const what of ["code", "out", "err"]) rmSync(file(what));
    terminal.kill(name);
    return { code: Number(code), out: out ?? "", err: err ?? "" };
  }
}
