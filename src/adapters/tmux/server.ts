import { existsSync } from "node:fs";
import { within } from "../../platform/within.ts";

/** One tmux server, named by its socket. Commands are argument arrays; no shell is in between. */
export interface TmuxServer {
  readonly socket: string;
  /** Runs one command, or several with `;` between them, and returns what it printed; throws `TmuxError` with tmux's own words. */
  run(args: string[], stdin?: string): Promise<string>;
}

/** tmux said no, is not installed, or did not answer. */
export class TmuxError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TmuxError";
  }
}

/** A tmux server answers in milliseconds; one that is stopped in a debugger never does. */
const ANSWER_MS = 3_000;

/** A daemon's environment may have a short PATH: the usual places are looked at, too. */
const PLACES = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin"];

export function findTmux(path: string = process.env.PATH ?? ""): string | undefined {
  return Bun.which("tmux", { PATH: [path, ...PLACES].join(":") }) ?? undefined;
}

export function tmuxServer(socket: string): TmuxServer {
  return {
    socket,
    async run(args, stdin) {
      const tmux = findTmux();
      if (!tmux) throw new TmuxError("tmux is not installed where the daemon looks (PATH and the usual places)");
      if (!existsSync(socket)) throw new TmuxError(`there is no tmux server at ${socket}`);
      // -u: text comes as UTF-8, whatever the daemon's locale. -N: never starts a server.
      const child = Bun.spawn([tmux, "-u", "-N", "-S", socket, ...args], {
        cwd: "/",
        stdin: stdin === undefined ? "ignore" : new TextEncoder().encode(stdin),
        stdout: "pipe",
        stderr: "pipe",
      });
      const done = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
      const result = await within(ANSWER_MS, done);
      if (!result) {
        child.kill("SIGKILL");
        throw new TmuxError(`tmux did not answer within ${ANSWER_MS / 1000} s`);
      }
      const [out, err, code] = result;
      if (code !== 0) throw new TmuxError(err.trim() || `tmux ${args[0] ?? ""} ended with ${code}`);
      return out;
    },
  };
}
