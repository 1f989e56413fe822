import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { buildBundles } from "../../src/platform/bundle.ts";
import { ENTRIES, type Entry, isolatedBun } from "../../src/platform/program.ts";
import { NO_BUDGETS_ENV } from "../support/budgets.ts";

/** Everything that one run of the bench makes: a folder, the built program, processes. All of it is gone afterwards. */
export interface BenchWorld extends AsyncDisposable {
  readonly root: string;
  readonly env: Record<string, string>;
  readonly children: Subprocess[];
  command(entry: Entry): string[];
  /** A folder for a session to run in. */
  folder(name: string): string;
  /** A script of this folder as a process of its own, as every session is; its output is read as lines. */
  script(file: string, args: readonly string[], cwd: string, env?: Record<string, string>): Script;
}

export interface Script {
  readonly pid: number;
  /** The next line that it prints. Throws when it ends instead. */
  line(): Promise<string>;
  json<T>(): Promise<T>;
  say(line: string): void;
  stop(): Promise<void>;
}

export async function createBenchWorld(): Promise<BenchWorld> {
  const root = realpathSync(mkdtempSync(join(process.env.REPOWIRE_BENCH_DIR ?? tmpdir(), "rwbench-")));
  const program = join(root, "program");
  await buildBundles(program);
  const children: Subprocess[] = [];
  const env = { PATH: process.env.PATH ?? "", HOME: root, ...NO_BUDGETS_ENV };

  return {
    root,
    env,
    children,
    command: (entry) => [
      ...isolatedBun(process.execPath, join(program, "bunfig.toml")),
      join(program, ENTRIES[entry].bundle),
    ],
    folder(name) {
      const path = join(root, name);
      mkdirSync(path, { recursive: true, mode: 0o700 });
      return path;
    },
    script(file, args, cwd, own = {}) {
      const child = Bun.spawn([process.execPath, join(import.meta.dir, file), ...args], {
        cwd,
        env: { ...env, ...own },
        stdin: "pipe",
        stdout: "pipe",
        stderr: "inherit",
      });
      children.push(child);
      const lines = linesOf(child.stdout);
      async function line(): Promise<string> {
        const { value, done } = await lines.next();
        if (done) throw new Error(`${file} ${args.join(" ")} ended early`);
        return value;
      }
      return {
        pid: child.pid,
        line,
        json: async <T>() => JSON.parse(await line()) as T, // what the bench's own scripts print
        say(text) {
          child.stdin.write(`${text}\n`);
          child.stdin.flush();
        },
        async stop() {
          child.kill("SIGTERM");
          await child.exited;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const child of [...children].reverse()) {
        child.kill("SIGTERM");
        await child.exited;
      }
      rmSync(root, { recursive: true, force: true });
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
