import { within } from "./within.ts";

/** What a program of the user needs to show something on this machine, and nothing else of the daemon: no key, no token. */
const PASSED_ON =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_[A-Z]+|TZ|TMPDIR|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|XDG_RUNTIME_DIR|DBUS_SESSION_BUS_ADDRESS)$/;

export const notifierEnv = (env: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (PASSED_ON.test(name) && value ? [[name, value]] : [])),
  );

export interface NotifierRun {
  command: readonly string[];
  cwd: string;
  env: Record<string, string>;
  stdin: string;
  timeoutMs: number;
  signal?: AbortSignal;
}

const SAID_BYTES_MAX = 4_000;
/** After its group was ended only somebody who left the group still holds the pipe; nobody waits for that one. */
const PIPE_MS = 200;

/**
 * Runs it to its end, or ends it; whatever it started in its process group is ended with it. Resolves to why it failed, or to
 * undefined. Never rejects.
 */
export async function runNotifier(run: NotifierRun): Promise<string | undefined> {
  let child: Bun.Subprocess<Blob, "ignore", "pipe">;
  try {
    child = Bun.spawn([...run.command], {
      cwd: run.cwd,
      env: run.env,
      stdin: new Blob([run.stdin]),
      stdout: "ignore",
      stderr: "pipe",
      detached: true,
    });
  } catch (error) {
    return `could not be started (${error instanceof Error ? error.message : String(error)})`;
  }
  const said = collect(child.stderr);
  const aborted = new Promise<undefined>((resolve) => {
    run.signal?.addEventListener("abort", () => resolve(undefined), { once: true });
    if (run.signal?.aborted) resolve(undefined);
  });
  const code = await within(run.timeoutMs, Promise.race([child.exited, aborted]));
  endGroup(child.pid);
  await child.exited;
  if (code === 0) return undefined;
  if (code === undefined)
    return run.signal?.aborted
      ? "was ended with the daemon"
      : `was not over after ${run.timeoutMs / 1_000} s and was ended`;
  await within(PIPE_MS, said.done);
  const last = said.text().trim().split("\n").at(-1)?.trim();
  return `ended with code ${code}${last ? `: ${last}` : ""}`;
}

/** The first that it says; the rest is read and dropped, so that it is never held up. */
function collect(stream: ReadableStream<Uint8Array>): { done: Promise<void>; text(): string } {
  const decoder = new TextDecoder();
  let text = "";
  async function read(): Promise<void> {
    for await (const chunk of stream)
      if (text.length < SAID_BYTES_MAX) text += decoder.decode(chunk, { stream: true }).slice(0, SAID_BYTES_MAX);
  }
  return { done: read().catch(() => {}), text: () => text };
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
}
