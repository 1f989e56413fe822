import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ancestry, commandLines, processArgs, processInfo } from "../../../src/platform/process.ts";
import { GeminiHookEvent } from "../../../src/protocol/index.ts";
import { startGeminiApi } from "../../support/gemini-api.ts";
import { geminiEnv, geminiMessages, seedGeminiHome } from "../../support/gemini-cli.ts";
import type { AgentDriver, AgentOptions, AgentSession, TranscriptEntry } from "../driver.ts";
import { installCli } from "../install.ts";
import type { World } from "../world.ts";

export const GEMINI_VERSION = process.env.REPOWIRE_GEMINI_VERSION || "0.61.0";
export const installGemini = (): string =>
  installCli({ package: "@google/gemini-cli", version: GEMINI_VERSION, binary: "gemini" });

const PLACEHOLDER = "Type your message or @path/to/file";
const DIALOG = /Allow execution of|Apply this change\?|Allow once/;
const COMPOSER = /^ [>*] (.*)$/gm;

export interface GeminiOptions extends AgentOptions {
  /** Its user has not trusted the folder. */
  isUntrusted?: boolean;
  /** Outside tmux, as far as the session can know. */
  isPlain?: boolean;
  detectsLoops?: boolean;
  args?: string[];
  hookEvents?: readonly string[];
}

/** The launchers as setup would write them, for the bundles of this run: each becomes the program, so that its parent is the CLI. */
function launchers(world: World): { hook: string; mcp: string } {
  const bin = join(world.root, "bin");
  mkdirSync(bin, { recursive: true });
  const write = (name: string, bundle: string) => {
    const file = join(bin, name);
    writeFileSync(file, `#!/bin/sh\nexec env ${world.cliCommand().replace(/cli\.js$/, bundle)} "$@"\n`);
    chmodSync(file, 0o755);
    return file;
  };
  return { hook: write("repowire-hook", "hook.js"), mcp: write("repowire-mcp", "mcp.js") };
}

/** A folder, a HOME with repowire in it as setup would have left it, and a model behind it; nothing is started yet. */
export function prepareGemini(world: World, name: string, options: GeminiOptions) {
  const folder = join(world.root, options.folder ?? name);
  mkdirSync(folder, { recursive: true });
  Bun.spawnSync(["git", "init", "-q", "--initial-branch=main", folder], { stdout: "ignore", stderr: "ignore" });
  const home = join(world.root, "u", name);
  const { hook, mcp } = launchers(world);
  seedGeminiHome({
    home,
    trusted: options.isUntrusted ? [] : [folder],
    hook,
    hookEvents: options.hookEvents ?? GeminiHookEvent.options,
    mcp,
    allowShell: options.allowShell,
    detectsLoops: options.detectsLoops,
  });
  return { folder, home, api: startGeminiApi(options.model) };
}

export interface GeminiCli extends AgentSession {
  readonly home: string;
  readonly folder: string;
}

/** Starts the CLI and waits for its screen alone. */
export async function openGemini(
  world: World,
  name: string,
  options: GeminiOptions,
  ready: RegExp,
): Promise<GeminiCli> {
  const { folder, home, api } = prepareGemini(world, name, options);
  world.terminal.open(name, {
    cwd: folder,
    env: {
      ...geminiEnv({ home, apiUrl: api.url }),
      ...options.env,
      ...(options.isPlain ? { TMUX: "", TMUX_PANE: "" } : {}),
    },
    command: [installGemini(), ...(options.args ?? [])],
  });
  await world.terminal.waitFor(name, ready, 60_000);
  const launcher = world.terminal.pid(name);
  // The launcher's child is the real one.
  const pid = await world.until(`the process of ${name}`, () => childOf(launcher));
  // What it started ends with it; a tools server that outlived the daemon for a moment would start one again.
  world.onClose(async () => {
    const own = [launcher, pid, ...toolsServersOf(pid)];
    for (const one of own) if (processInfo(one)) process.kill(one, "SIGTERM");
    await world.until(`${name} has ended`, () => own.every((one) => processInfo(one) === undefined));
    await api.stop();
  });
  const screen = () => world.terminal.screen(name);
  const title = () => world.terminal.title(name);
  const draft = () => {
    const line = [...screen().matchAll(COMPOSER)].at(-1)?.[1]?.trim() ?? "";
    return line === PLACEHOLDER ? "" : line;
  };
  const isIdle = () => title().includes("Ready") && screen().includes(PLACEHOLDER);
  return {
    name,
    runtime: "gemini",
    api,
    pid,
    home,
    folder,
    screen,
    async type(text) {
      // A `?` opens the help while the composer is still empty, also when it comes in one piece with the text before it (0.61.0).
      world.terminal.write(name, text.slice(0, 1));
      await world.until("the text begins in the composer", () => draft() !== "");
      world.terminal.write(name, text.slice(1));
      // An Enter that comes too soon after text is taken as a part of it (0.61.0), and a busy machine is slow to paint.
      // What was sent stands above in the same form as the composer; with no composer below it, there is nothing to send.
      const isUnsent = () => title().includes("Ready") && !DIALOG.test(screen()) && draft() !== "";
      for (let tries = 0; tries < 5 && isUnsent(); tries++) {
        await Bun.sleep(300);
        world.terminal.press(name, "Enter");
        await Bun.sleep(700);
      }
    },
    press: (...keys) => world.terminal.press(name, ...keys),
    async interrupt() {
      world.terminal.press(name, "Escape");
    },
    write: (text) => world.terminal.write(name, text),
    async idle(timeoutMs = 30_000) {
      await world.until(`${name} is idle`, isIdle, timeoutMs);
      await Bun.sleep(400);
      await world.until(`${name} stays idle`, isIdle, timeoutMs);
    },
    dialog: async (timeoutMs) =>
      void (await world.until(`a permission dialog of ${name}`, () => DIALOG.test(screen()), timeoutMs)),
    isDialogOpen: () => DIALOG.test(screen()),
    allowOnce: () => world.terminal.press(name, "Enter"),
    draft,
    clearDraft: () => world.terminal.press(name, "-N", String(draft().length + 5), "BSpace"),
    transcript: () => geminiMessages(home).flatMap(entriesOf),
    settings: () => [
      ...new Set(
        geminiMessages(home).flatMap(({ type, model }) => (type === "gemini" && model ? [`model ${model}`] : [])),
      ),
    ],
    async kill() {
      process.kill(pid, "SIGKILL");
      await world.until(`${name} is gone`, () => processInfo(pid) === undefined);
    },
  };
}

const READY = /Type your message/;

export const gemini: AgentDriver = {
  runtime: "gemini",
  version: GEMINI_VERSION,
  install: installGemini,
  start: (world, name, options) => startGemini(world, name, options),
};

export async function startGemini(world: World, name: string, options: GeminiOptions): Promise<GeminiCli> {
  const session = await openGemini(world, name, options, READY);
  const rung = options.isPlain ? "hook" : "pane";
  await world.until(`${name} joins`, async () =>
    (await world.mesh.peers({})).peers.some(
      (peer) => peer.pid === session.pid && peer.capabilities.includes("mcp_tools") && peer.delivery?.rung === rung,
    ),
  );
  return session;
}

const toolsServersOf = (cli: number): number[] =>
  commandLines()
    .filter(({ args }) => args.some((arg) => arg.endsWith("/mcp.js")))
    .filter(({ pid }) => processInfo(pid)?.ppid === cli)
    .map(({ pid }) => pid);

function childOf(launcher: number): number | undefined {
  const children = Bun.spawnSync(["pgrep", "-P", String(launcher)])
    .stdout.toString()
    .split("\n")
    .filter(Boolean);
  return children
    .map(Number)
    .find((pid) => processArgs(pid).some((arg) => arg.endsWith("/gemini")) && ancestry(pid).length > 1);
}

/** What the model was shown or said, by the messages of the transcript (0.61.0). */
function entriesOf(message: Record<string, unknown>): TranscriptEntry[] {
  if (message.type === "user") {
    return textsOf(message.content)
      .filter((text) => text !== "" && !text.startsWith("<session_context>"))
      .map((text, at) => ({
        from: "input",
        text,
        place: at > 0 && text.startsWith("<hook_context>") ? "hook" : undefined,
      }));
  }
  if (message.type !== "gemini") return [];
  const calls = Array.isArray(message.toolCalls) ? message.toolCalls : [];
  const results = calls.map(
    (call): TranscriptEntry => ({ from: "tool_result", text: JSON.stringify(call.result ?? "") }),
  );
  return [{ from: "model", text: textOf(message.content) }, ...results];
}

const textsOf = (content: unknown): string[] =>
  typeof content === "string"
    ? [content]
    : Array.isArray(content)
      ? content.map((part: { text?: string }) => part.text ?? "")
      : [];

const textOf = (content: unknown): string => textsOf(content).join("\n");
