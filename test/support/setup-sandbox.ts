import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import { type HomePaths, homePaths } from "../../src/platform/paths.ts";
import { processEnv, processesFrom, processInfo } from "../../src/platform/process.ts";
import { ENTRIES, entryOf, isolatedBun, programRoot } from "../../src/platform/program.ts";
import { shellWord } from "../../src/platform/shell.ts";
import { tempHome } from "./temp-home.ts";

/**
 * A person's machine for one test: a home folder of its own, a `claude` on the PATH that only knows its version, a home of
 * repowire. Whatever was started from that home is ended, by pid, when the scope ends.
 */
export interface SetupSandbox extends AsyncDisposable {
  readonly root: string;
  readonly paths: HomePaths;
  readonly env: Record<string, string>;
  /** A path in the person's home folder. */
  file(name: string): string;
  write(name: string, content: string | Uint8Array): string;
  read(name: string): Uint8Array | undefined;
  text(name: string): string;
  /** Runs the command line: from source, as `npx repowire` does, unless another program was given. */
  repowire(...args: string[]): Promise<Ran>;
  /** Runs any command in this environment. */
  run(command: string[], options?: { cwd?: string; env?: Record<string, string>; stdin?: string }): Promise<Ran>;
}

export interface Ran {
  code: number;
  out: string;
  err: string;
}

const STOP_MS = 5_000;

export interface SandboxOptions {
  /** Version of the fake `claude`; null: there is none. */
  claude?: string | null;
  /** Versions of other fake CLIs: they know their version, and Codex its app-server. */
  others?: Partial<Record<"opencode" | "codex" | "gemini", string>>;
  /** Name of repowire's home. */
  home?: string;
  /** The command line that runs repowire. */
  program?: string[];
}

export async function setupSandbox(options: SandboxOptions = {}): Promise<SetupSandbox> {
  const temp = tempHome();
  const root = realpathSync(temp.path);
  const bin = join(root, "bin");
  const paths = homePaths(join(root, options.home ?? ".repowire"));
  mkdirSync(bin);
  if (options.claude !== null) writeFakeClaude(bin, options.claude ?? "2.1.330");
  for (const [name, version] of Object.entries(options.others ?? {})) writeFakeCli(bin, name, version);
  const env = {
    HOME: root,
    PATH: `${bin}:/usr/bin:/bin`,
    REPOWIRE_HOME: paths.home,
    REPOWIRE_PORT: "0",
    REPOWIRE_MACHINE: "sandbox",
    // Bun keeps what it transpiled in the home folder; here that would be found as something that setup left.
    BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
  };
  const sandbox: SetupSandbox = {
    root,
    paths,
    env,
    file: (name) => join(root, name),
    write(name, content) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), content);
      return join(root, name);
    },
    read: (name) => (existsSync(join(root, name)) ? new Uint8Array(readFileSync(join(root, name))) : undefined),
    text: (name) => readFileSync(join(root, name), "utf8"),
    repowire: (...args) => sandbox.run([...(options.program ?? fromSource()), ...args], { cwd: root }),
    async run(command, { cwd = "/", env: more = {}, stdin } = {}) {
      const child = Bun.spawn(command, {
        cwd,
        env: { ...env, ...more },
        stdin: stdin === undefined ? "ignore" : new Blob([stdin]),
        stdout: "pipe",
        stderr: "pipe",
      });
      const [out, err, code] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      return { code, out, err };
    },
    async [Symbol.asyncDispose]() {
      await stopAll(paths);
      temp[Symbol.dispose]();
    },
  };
  return sandbox;
}

/** The command line of the sources. */
export function fromSource(): string[] {
  const root = programRoot();
  const bunfig = join(root, "scripts", "empty-bunfig.toml");
  return [...isolatedBun(process.execPath, bunfig), join(root, ENTRIES.cli.source)];
}

/** The command line of the program that is installed in a home: it starts at once, and needs no bundles to be made. */
export function fromInstalled(paths: HomePaths): string[] {
  return entryOf(join(paths.versions, "current"), "cli");
}

export function writeFakeClaude(folder: string, version: string): void {
  const file = join(folder, "claude");
  // Given anything else it prints its words, one a line: that is what a launcher gave it.
  writeFileSync(
    file,
    `#!/bin/sh\nif [ "$*" = --version ]; then echo "${version} (Claude Code)"; exit; fi\nfor word do printf '%s\\n' "$word"; done\n`,
  );
  chmodSync(file, 0o755);
}

/** Codex's own program is a fixture, as setup speaks to it; the others are only asked for their version. */
function writeFakeCli(folder: string, name: string, version: string): void {
  const appServer = join(programRoot(), "test", "fixtures", "fake-codex-app-server.ts");
  const start = [process.execPath, appServer].map(shellWord).join(" ");
  const more = name === "codex" ? `[ "$1" != app-server ] || exec ${start}\n` : "";
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${more}echo "${name} ${version}"\n`);
  chmodSync(file, 0o755);
}

/**
 * Ends whatever still runs for this home; nothing else. Again until nothing does: of several that were started at once, the slowest
 * would find the place free.
 */
async function stopAll(paths: HomePaths): Promise<void> {
  for (let pids = processesOf(paths); pids.length > 0; pids = processesOf(paths)) {
    for (const pid of pids) await endProcess(pid);
  }
}

/** The daemon, the programs of this home, and what was started with it as REPOWIRE_HOME. */
export function processesOf(paths: HomePaths): number[] {
  const recorded = readDaemonRecord(paths.home)?.pid;
  const here = process.platform === "linux" ? readdirSync("/proc").map(Number) : [];
  const pids = [
    ...processesFrom(paths.home).map(({ pid }) => pid),
    ...here.filter((pid) => pid > 0 && processEnv(pid, "REPOWIRE_HOME") === paths.home),
    ...(recorded ? [recorded] : []),
  ];
  return [...new Set(pids)].filter((pid) => pid !== process.pid && processInfo(pid));
}

async function endProcess(pid: number): Promise<void> {
  try {
    process.kill(pid, "SIGTERM");
    const deadline = Date.now() + STOP_MS;
    while (processInfo(pid) && Date.now() < deadline) await Bun.sleep(10);
    if (processInfo(pid)) process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
