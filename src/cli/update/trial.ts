import { join } from "node:path";
import { locateDaemon, probeDaemon } from "../../client/index.ts";
import { entryOf } from "../../platform/program.ts";
import { RepowireError } from "../../protocol/index.ts";

const START_MS = 20_000;
const STOP_MS = 5_000;
const POLL_MS = 25;

/**
 * The daemon ends with whoever tries it, however that ends: then the pipe that is this shell's stdin is closed. Builtins of sh only; the
 * shell becomes the daemon. Who waits for it keeps stderr open, so its end shows that nothing runs from the folder any more.
 */
const WITH_PARENT =
  'exec 3<&0; (while read -r _ <&3; do :; done; kill $$ 2>/dev/null) >/dev/null & exec "$@" 3<&- </dev/null';

/**
 * Starts the daemon of the version in this folder in an empty home of its own, inside `scratch`, and sees that it answers with that
 * version. It knows neither the user's home nor their tmux, so it finds no session and reaches none. Throws a `RepowireError` with
 * why it failed.
 */
export async function tryVersion(folder: string, version: string, scratch: string): Promise<void> {
  const home = join(scratch, "home");
  const command = [...entryOf(folder, "cli"), "daemon", "run", "--detached"];
  const child = Bun.spawn(["/bin/sh", "-c", WITH_PARENT, "sh", ...command], {
    cwd: scratch,
    env: {
      PATH: process.env.PATH,
      HOME: scratch,
      TMPDIR: scratch,
      TMUX_TMPDIR: scratch,
      REPOWIRE_HOME: home,
      REPOWIRE_PORT: "0",
      BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
    },
    stdin: "pipe",
    stdout: "ignore",
    stderr: "pipe",
  });
  const errors = new Response(child.stderr).text();
  const found = await healthOf(home, () => child.exitCode !== null);
  const code = child.exitCode;
  child.stdin.end();
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  const said = (await errors).trim().split("\n").at(-1);
  await child.exited;
  clearTimeout(timer);
  if (found === version) return;
  if (found !== undefined) throw failed(version, `its daemon says that it is ${found}`);
  if (code === null) throw failed(version, `its daemon does not answer within ${START_MS / 1000} s`);
  throw failed(version, said?.replace(/^repowire: /, "") || `its daemon ended with code ${code}`);
}

async function healthOf(home: string, hasEnded: () => boolean): Promise<string | undefined> {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && !hasEnded()) {
    const address = locateDaemon(home);
    const health = address && (await probeDaemon(address));
    if (health) return health.version;
    await Bun.sleep(POLL_MS);
  }
  return undefined;
}

function failed(version: string, why: string): RepowireError {
  return new RepowireError("unavailable", `${version} failed its trial: ${why}.`);
}
