import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { shellWord } from "../../src/platform/shell.ts";
import type { Runtime } from "../../src/protocol/index.ts";
import { DRIVERS } from "./drivers/index.ts";
import type { World } from "./world.ts";

/** A person's machine: the real CLIs on the PATH, all four or those named, a home of their own. */
export function personOf(
  world: World,
  user: string,
  runtimes: readonly Runtime[] = DRIVERS.map((driver) => driver.runtime),
): Record<string, string> {
  const bin = join(world.root, "pbin");
  for (const folder of [user, bin]) mkdirSync(folder, { recursive: true });
  for (const driver of DRIVERS.filter(({ runtime }) => runtimes.includes(runtime)))
    symlinkSync(driver.install(), join(bin, driver.runtime === "claude-code" ? "claude" : driver.runtime));
  return {
    HOME: user,
    PATH: `${bin}:${process.env.PATH ?? ""}`,
    REPOWIRE_HOME: join(user, ".repowire"),
    USER: "tester",
  };
}

/** Codex is told the port, so it has to be a fixed one. */
export function freePort(): string {
  const free = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const port = String(free.port);
  void free.stop(true);
  return port;
}

export interface Ran {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** The installed commands in a terminal of the person's own, which is what makes a caller a person. */
export function asPerson(world: World, env: Record<string, string>) {
  let runs = 0;
  return async (...args: string[]): Promise<Ran> => {
    const folder = mkdtempSync(join(world.root, "out-"));
    const name = `person-${runs++}`;
    const [out, err, code] = ["out", "err", "code"].map((file) => join(folder, file)) as [string, string, string];
    const line = [join(env.REPOWIRE_HOME ?? "", "bin", "repowire"), ...args].map(shellWord).join(" ");
    const command = ["sh", "-c", `${line} >${out} 2>${err}; echo "$?" >${code}.new; mv ${code}.new ${code}`];
    world.terminal.open(name, { cwd: world.root, env, command });
    const exitCode = await world.until(
      `repowire ${args[0]} ends`,
      () => existsSync(code) && readFileSync(code, "utf8"),
      60_000,
    );
    world.terminal.kill(name);
    return { exitCode: Number(exitCode), stdout: readFileSync(out, "utf8"), stderr: readFileSync(err, "utf8") };
  };
}
