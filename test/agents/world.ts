import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { type DaemonAddress, findDaemon, httpMesh } from "../../src/client/index.ts";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import { processArgs, processInfo } from "../../src/platform/process.ts";
import { ENTRIES, type Entry, isolatedBun } from "../../src/platform/program.ts";
import type { Mesh, OperationOutput } from "../../src/protocol/index.ts";
import {
  type ClaudeRecord,
  claudeEnv,
  claudeRecord,
  seedClaudeHome,
  transcriptEntries,
} from "../support/claude-cli.ts";
import { startMessagesApi } from "../support/messages-api.ts";
import type { Model, ModelServer } from "../support/model-script.ts";
import { privateTerminal, type Terminal } from "../support/terminal.ts";

/**
 * One scene's world: a temporary home with a real daemon, a private tmux server, and real Claude Code sessions, each with its
 * own scripted model.
 */
export interface World {
  readonly root: string;
  readonly home: string;
  /** Where the built programs are. */
  readonly bundles: string;
  /** The real CLI. */
  readonly claude: string;
  readonly terminal: Terminal;
  readonly mesh: Mesh;
  session(name: string, options: SessionOptions): Promise<Session>;
  /** The installed commands, as a person would call them: in a terminal, or from anywhere else. */
  cli(...args: string[]): { exitCode: number; stdout: string; stderr: string };
  /** The commands with an environment of the caller's own. */
  run(args: string[], env: Record<string, string>): { exitCode: number; stdout: string; stderr: string };
  /** The command line of such a session, for others to start it. */
  claudeArgs(name: string, options: SessionOptions): string[];
  /** Accepts the dialogs at the start of a session, as a person would. */
  accept(name: string): Promise<void>;
  onClose(end: () => Promise<void>): void;
  /** The same as words for a shell inside an agent. */
  cliCommand(): string;
  /** The hook entry as words for a shell, as a configuration names it; runtime and event follow. */
  hookCommand(): string;
  cliInTerminal(...args: string[]): Promise<string>;
  killDaemon(): Promise<void>;
  startDaemon(): Promise<void>;
  trace(id: string): Promise<OperationOutput<"trace">>;
  until<T>(
    what: string,
    look: () => T | undefined | false | Promise<T | undefined | false>,
    timeoutMs?: number,
  ): Promise<T>;
  close(): Promise<void>;
}

export interface SessionOptions {
  model: Model;
  /** The development channel; without it, the session has its inbox socket. */
  channel?: boolean;
  /** The flag on the command line is there, but the account has no channels. */
  channelIsOff?: boolean;
  hooks?: boolean;
  /** As before any setup: neither server nor hooks of ours, and nobody waits for it to join. */
  bare?: boolean;
  mode?: "default" | "bypassPermissions";
  /** More tools that run without asking. */
  allow?: string[];
  env?: Record<string, string>;
  folder?: string;
}

export interface Session {
  readonly name: string;
  readonly api: ModelServer;
  readonly pid: number;
  record(): ClaudeRecord | undefined;
  transcript(): Record<string, unknown>[];
  screen(): string;
  type(text: string): Promise<void>;
  press(...keys: string[]): void;
  idle(timeoutMs?: number): Promise<void>;
}

const OUR_TOOLS = [
  "ask_peer",
  "reply",
  "notify_peer",
  "broadcast",
  "list_peers",
  "set_description",
  "whoami",
  "inbox",
].map((name) => `mcp__repowire__${name}`);
const READY = /for shortcuts|\/effort|bypass permissions on|manual mode on/;
const DEV_DIALOG = /I am using this for local development/;
const BYPASS_DIALOG = /Yes, I accept/;
const HOOK_EVENTS = [
  "SessionStart",
  "UserPromptSubmit",
  "PreToolUse",
  "PostToolUse",
  "PermissionRequest",
  "Stop",
  "StopFailure",
  "SessionEnd",
];

export async function createWorld(claude: string, bundles: string): Promise<World> {
  // Short: the path of an inbox socket may have about 100 bytes.
  const root = realpathSync(mkdtempSync(join(tmpdir(), "rw-")));
  const home = join(root, "h");
  const users = join(root, "u");
  const runtimeDir = join(root, "r");
  for (const folder of [home, users, runtimeDir]) mkdirSync(folder, { mode: 0o700 });
  const terminal = privateTerminal(root);
  const apis: ModelServer[] = [];
  const command = (entry: Entry) => [
    ...isolatedBun(process.execPath, join(bundles, "bunfig.toml")),
    join(bundles, ENTRIES[entry].bundle),
  ];
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: users,
    REPOWIRE_HOME: home,
    REPOWIRE_PORT: "0",
    REPOWIRE_HUMAN: "person",
  };
  let daemon: Subprocess | undefined;
  let address: DaemonAddress | undefined;
  let port = "0";

  async function until<T>(
    what: string,
    look: () => T | undefined | false | Promise<T | undefined | false>,
    timeoutMs = 20_000,
  ): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      if (Date.now() > deadline) throw new Error(`timed out waiting: ${what}`);
      await Bun.sleep(60);
    }
  }

  async function startDaemon(): Promise<void> {
    daemon = Bun.spawn([...command("cli"), "daemon", "run", "--detached"], {
      cwd: home,
      env: { ...env, PATH: process.env.PATH ?? "", REPOWIRE_PORT: port, REPOWIRE_LOG_LEVEL: "debug" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
    });
    address = await until("the daemon answers", () => findDaemon(home));
    port = String(address.port);
  }
  await startDaemon();

  /** Ends the daemon that serves: after a kill, a session's own tools server may have started one before us. */
  async function endDaemon(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const serving = readDaemonRecord(home)?.pid;
    const isOurs = (pid: number) => processArgs(pid).some((arg) => arg.startsWith(bundles));
    for (const pid of new Set([serving, daemon?.pid])) {
      if (pid === undefined || !isOurs(pid)) continue;
      process.kill(pid, signal);
      await until("the daemon has ended", () => !isOurs(pid), 5_000);
    }
  }

  const mesh = new Proxy({} as Mesh, {
    // A new daemon after a kill has another instance; each call looks it up.
    get: (_target, name: keyof Mesh) => (input: never) => {
      if (!address) throw new Error("no daemon");
      return httpMesh(address)[name](input);
    },
  });

  function claudeArgs(name: string, options: SessionOptions): string[] {
    const mcp = join(root, `${name}.mcp.json`);
    const [channel, ...args] = command("channel-claude-code");
    writeFileSync(
      mcp,
      JSON.stringify({
        mcpServers: { repowire: { command: channel, args, env: { REPOWIRE_HOME: home, REPOWIRE_PORT: port } } },
      }),
    );
    const settings = join(root, `${name}.settings.json`);
    const hook = command("hook")
      .map((word) => `'${word}'`)
      .join(" ");
    const hooks = Object.fromEntries(
      HOOK_EVENTS.map((event) => [
        event,
        [
          {
            ...(event === "PreToolUse" ? { matcher: "Edit|Write|MultiEdit|NotebookEdit" } : {}),
            hooks: [
              {
                type: "command",
                command: `REPOWIRE_HOME='${home}' ${hook} ${event}`,
                timeout: event === "PermissionRequest" ? 600 : 10,
              },
            ],
          },
        ],
      ]),
    );
    writeFileSync(settings, JSON.stringify(options.hooks === false ? {} : { hooks }));
    return [
      claude,
      ...(options.bare ? [] : ["--mcp-config", mcp, "--settings", settings]),
      ...(options.mode === "bypassPermissions"
        ? ["--dangerously-skip-permissions"]
        : ["--permission-mode", options.mode ?? "default"]),
      "--allowedTools",
      [...OUR_TOOLS, "SendMessage", ...(options.allow ?? [])].join(","),
      ...(options.channel ? ["--dangerously-load-development-channels", "server:repowire"] : []),
    ];
  }

  async function session(name: string, options: SessionOptions): Promise<Session> {
    const folder = join(root, options.folder ?? name);
    mkdirSync(folder, { recursive: true });
    Bun.spawnSync(["git", "init", "-q", "--initial-branch=main", folder], { stdout: "ignore", stderr: "ignore" });
    // A HOME of its own for each session: the CLI rewrites its state file at any moment.
    const userHome = join(users, name);
    seedClaudeHome(userHome, [folder], { channels: options.channel === true && !options.channelIsOff });
    const api = startMessagesApi(options.model);
    apis.push(api);
    terminal.open(name, {
      cwd: folder,
      env: { ...claudeEnv({ home: userHome, runtimeDir, apiUrl: api.url }), ...options.env },
      command: claudeArgs(name, options),
    });
    await accept(name);
    const pid = terminal.pid(name);
    sessions.push(pid);
    await until(
      `${name} joins`,
      async () =>
        options.bare ||
        (await mesh.peers({})).peers.some(
          (peer) =>
            peer.presence.state !== "offline" &&
            peer.path === folder &&
            peer.delivery !== undefined &&
            (!options.channel || peer.delivery.rung === "channel"),
        ),
    );
    await until(`${name} is idle`, () => claudeRecord(userHome, pid)?.status === "idle");
    return {
      name,
      api,
      pid,
      record: () => claudeRecord(userHome, pid),
      transcript: () => transcriptEntries(userHome, claudeRecord(userHome, pid)?.sessionId ?? ""),
      screen: () => terminal.screen(name),
      type: (text) => terminal.type(name, text),
      press: (...keys) => terminal.press(name, ...keys),
      idle: async (timeoutMs = 20_000) =>
        void (await until(`${name} is idle`, () => claudeRecord(userHome, pid)?.status === "idle", timeoutMs)),
    };
  }

  /** The dialogs that a person would accept at the start of such a session. */
  async function accept(name: string): Promise<void> {
    for (;;) {
      const screen = await terminal.waitFor(
        name,
        new RegExp([READY, DEV_DIALOG, BYPASS_DIALOG].map((pattern) => pattern.source).join("|")),
        40_000,
      );
      if (DEV_DIALOG.test(screen)) terminal.press(name, "Enter");
      else if (BYPASS_DIALOG.test(screen)) {
        terminal.press(name, "Down");
        await Bun.sleep(300);
        terminal.press(name, "Enter");
      } else return;
      await Bun.sleep(700);
    }
  }

  function runCli(args: string[], env: Record<string, string>) {
    const result = Bun.spawnSync([...command("cli"), ...args], {
      cwd: root,
      env,
      stdout: "pipe",
      stderr: "pipe",
      stdin: "ignore",
    });
    return { exitCode: result.exitCode, stdout: result.stdout.toString(), stderr: result.stderr.toString() };
  }

  const ends: (() => Promise<void>)[] = [];
  let runs = 0;
  const sessions: number[] = [];
  return {
    root,
    home,
    bundles,
    claude,
    accept,
    claudeArgs,
    onClose: (end) => void ends.push(end),
    run: (args, env) => runCli(args, env),
    terminal,
    mesh,
    session,
    until,
    startDaemon,
    trace: (id) => mesh.trace({ id }),
    cli: (...args) => runCli(args, { ...env, REPOWIRE_PORT: port }),
    hookCommand: () => [`REPOWIRE_HOME='${home}'`, ...command("hook").map((word) => `'${word}'`)].join(" "),
    cliCommand: () => [`REPOWIRE_HOME=${home}`, `REPOWIRE_PORT=${port}`, ...command("cli")].join(" "),
    async cliInTerminal(...args) {
      const name = `cli-${runs++}`;
      const line = [...command("cli"), ...args].map((word) => `'${word}'`).join(" ");
      terminal.open(name, {
        cwd: root,
        env: { ...env, REPOWIRE_PORT: port },
        command: ["sh", "-c", `${line}; echo "[exit $?]"; sleep 60`],
      });
      const screen = await terminal.waitFor(name, /\[exit \d+\]/);
      terminal.kill(name);
      return screen;
    },
    async killDaemon() {
      await endDaemon("SIGKILL");
    },
    async close() {
      terminal.close();
      // A channel that outlives its terminal for a moment would start a daemon again.
      await until(
        "all sessions have ended",
        () => sessions.every((pid) => processInfo(pid) === undefined),
        10_000,
      ).catch(() => {});
      for (const api of apis) await api.stop();
      for (const end of ends) await end();
      await endDaemon("SIGTERM").catch(() => endDaemon("SIGKILL"));
      if (!process.env.REPOWIRE_KEEP) rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}
