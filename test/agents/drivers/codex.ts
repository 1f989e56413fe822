import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findDaemon } from "../../../src/client/index.ts";
import { processInfo } from "../../../src/platform/process.ts";
import { codexAuthorization, trustHooks } from "../../../src/setup/codex.ts";
import { codexEnv, endCodexServer, rolloutLines, seedCodexHome, trustFolder } from "../../support/codex-cli.ts";
import { type ResponsesApi, startResponsesApi } from "../../support/responses-api.ts";
import type { AgentDriver, TranscriptEntry } from "../driver.ts";
import { installCli } from "../install.ts";
import type { World } from "../world.ts";

export const CODEX_VERSION = process.env.REPOWIRE_CODEX_VERSION || "0.169.0";
export const installCodex = (): string =>
  installCli({ package: "@openai/codex", version: CODEX_VERSION, binary: "codex" });

/** The composer is painted before the TUI has its server; the footer with the model comes after. */
const READY = /gpt-5\.1-codex default/;
const DIALOG = /Press enter to confirm or esc to cancel|enter to submit \| esc to cancel/;
const BUSY = /esc to interrupt/;
const PLACEHOLDER = "Ask Codex to do anything";
const COMPOSER = /^› (.*)$/gm;

interface CodexWorld {
  codexHome: string;
  home: string;
  api: ResponsesApi;
}

/** One CODEX_HOME for a world: its terminals share one server, as a person's do. */
const worlds = new WeakMap<World, Promise<CodexWorld>>();

export interface CodexOptions {
  /** As before any setup, with neither tools nor hooks of ours. */
  bare?: boolean;
  /** Without the shared server: each terminal runs its own agent. */
  embedded?: boolean;
}

export function codexWorld(world: World, options: CodexOptions = {}): Promise<CodexWorld> {
  const known = worlds.get(world);
  if (known) return known;
  const made = prepare(world, options);
  worlds.set(world, made);
  return made;
}

async function prepare(world: World, { bare, embedded }: CodexOptions): Promise<CodexWorld> {
  const home = join(world.root, "u");
  const codexHome = join(home, ".codex");
  const api = startResponsesApi();
  world.onClose(async () => {
    await endCodexServer(codexHome);
    await api.stop();
  });
  if (bare) {
    seedCodexHome({ codexHome, apiUrl: api.url, embedded });
    return { codexHome, home, api };
  }
  const token = readFileSync(join(world.home, "token"), "utf8").trim();
  const port = (await findDaemon(world.home))?.port;
  const hook = world.hookCommand();
  seedCodexHome({
    codexHome,
    apiUrl: api.url,
    embedded,
    ours: { mcpUrl: `http://127.0.0.1:${port}/mcp`, authorization: codexAuthorization(token), hook },
  });
  const trust = await trustHooks({
    command: installCodex(),
    codexHome,
    folder: world.root,
    env: codexEnv(home),
    isOurs: (command) => command.startsWith(hook),
  });
  if (trust.trusted.length !== 6) throw new Error(`hooks are not trusted: ${JSON.stringify(trust)}`);
  return { codexHome, home, api };
}

export const codex: AgentDriver = {
  runtime: "codex",
  version: CODEX_VERSION,
  install: installCodex,
  async start(world, name, options) {
    const { codexHome, home, api } = await codexWorld(world);
    const folder = join(world.root, options.folder ?? name);
    mkdirSync(folder, { recursive: true });
    Bun.spawnSync(["git", "init", "-q", "--initial-branch=main", folder], { stdout: "ignore", stderr: "ignore" });
    trustFolder(codexHome, folder);
    const server = api.play(folder, options.model, { needsApproval: options.allowShell !== true });
    const known = new Set((await world.mesh.peers({}).catch(() => ({ peers: [] }))).peers.map((peer) => peer.pid));
    world.terminal.open(name, {
      cwd: folder,
      env: { ...codexEnv(home), ...options.env },
      command: [installCodex()],
    });
    await world.terminal.waitFor(name, READY, 60_000);
    await options.onReady?.();
    const pid = await world.until(
      `${name} joins`,
      async () =>
        (await world.mesh.peers({})).peers.find(
          (peer) =>
            peer.runtime === "codex" && peer.path === folder && !known.has(peer.pid) && peer.delivery !== undefined,
        )?.pid,
    );
    const screen = () => world.terminal.screen(name);
    const isIdle = () =>
      !BUSY.test(screen()) && !DIALOG.test(screen()) && !isInTurn(rolloutLines(codexHome, folder).at(-1));
    return {
      name,
      runtime: "codex",
      api: server,
      pid,
      screen,
      type: (text) => world.terminal.type(name, text),
      press: (...keys) => world.terminal.press(name, ...keys),
      async interrupt() {
        world.terminal.press(name, "Escape");
      },
      write: (text) => world.terminal.write(name, text),
      idle: async (timeoutMs = 20_000) => {
        await world.until(`${name} is idle`, isIdle, timeoutMs);
        await Bun.sleep(200);
        await world.until(`${name} stays idle`, isIdle, timeoutMs);
      },
      dialog: async (timeoutMs) =>
        void (await world.until(`a permission dialog of ${name}`, () => DIALOG.test(screen()), timeoutMs)),
      isDialogOpen: () => DIALOG.test(screen()),
      allowOnce: () => world.terminal.press(name, "y"),
      draft() {
        const line = [...screen().matchAll(COMPOSER)].at(-1)?.[1]?.trim() ?? "";
        return line === PLACEHOLDER ? "" : line;
      },
      clearDraft: () => world.terminal.press(name, "C-u"),
      transcript: () => rolloutLines(codexHome, folder).flatMap(entriesOf),
      settings: () => [...new Set(rolloutLines(codexHome, folder).flat().flatMap(settingOf))],
      async kill() {
        process.kill(pid, "SIGKILL");
        await world.until(`${name} is gone`, () => processInfo(pid) === undefined);
      },
    };
  },
};

type Line = Record<string, unknown>;
const payloadOf = (line: Line) => line.payload as { type?: string; role?: string; content?: unknown; output?: unknown };

function isInTurn(lines: Line[] | undefined): boolean {
  const last = lines?.findLast((line) =>
    ["task_started", "task_complete", "turn_aborted"].includes(payloadOf(line).type ?? ""),
  );
  return last !== undefined && payloadOf(last).type === "task_started";
}

/** What the model was shown or said, by the raw items of one rollout (0.169.0). Only a client's own submission has an id of its making. */
function entriesOf(lines: readonly Line[]): TranscriptEntry[] {
  const submitted = new Map(
    lines.flatMap((line): [string, string][] => {
      const { item } = line.payload as { item?: { type?: string; client_id?: string; content?: unknown } };
      return item?.type === "UserMessage" && item.client_id ? [[textOf(item.content), item.client_id]] : [];
    }),
  );
  return lines.flatMap((line) => entryOf(line, submitted));
}

function entryOf(line: Line, submitted: ReadonlyMap<string, string>): TranscriptEntry[] {
  if (line.type !== "response_item") return [];
  const item = payloadOf(line);
  if (item.type?.endsWith("_output")) return [{ from: "tool_result", text: textOf(item.output) }];
  if (item.type?.endsWith("_call") || item.role === "assistant") return [{ from: "model", text: textOf(item.content) }];
  if (item.role === "developer") return [{ from: "input", text: textOf(item.content), place: "hook" }];
  if (item.role !== "user") return [];
  const text = textOf(item.content);
  const client = submitted.get(text);
  return [{ from: "input", text, place: client?.startsWith("msg_") ? `client ${client}` : undefined }];
}

function settingOf(line: Line): string[] {
  if (line.type !== "turn_context") return [];
  const context = line.payload as { model?: string; approval_policy?: unknown; sandbox_policy?: unknown };
  return [
    `model ${context.model}, ${JSON.stringify(context.approval_policy)}, ${JSON.stringify(context.sandbox_policy)}`,
  ];
}

const textOf = (content: unknown): string =>
  typeof content === "string"
    ? content
    : Array.isArray(content)
      ? content.map((part: { text?: string }) => part.text ?? "").join("\n")
      : "";
