import { within } from "./within.ts";

export interface RunResult {
  code: number;
  out: string;
  err: string;
}

export interface RunOptions {
  cwd: string;
  env?: Record<string, string | undefined>;
  timeoutMs: number;
}

/**
 * Runs a command that is to end soon. When it does not, it is ended with everything that it started, and the result is
 * `undefined`. Rejects with the system's error when it cannot be started.
 */
export async function runBriefly(command: string[], options: RunOptions): Promise<RunResult | undefined> {
  const { cwd, env, timeoutMs } = options;
  // A process group of its own: a wrapper script's child would otherwise live on and hold the pipes open.
  const child = Bun.spawn(command, { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe", detached: true });
  const reading = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  const result = await within(timeoutMs, reading);
  if (result) return { out: result[0], err: result[1], code: result[2] };
  process.kill(-child.pid, "SIGKILL");
  await reading;
  return undefined;
}
