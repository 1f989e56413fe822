import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { processInfo } from "../../../src/platform/process.ts";
import { type ChatServer, startChatCompletionsApi } from "../../support/chat-completions-api.ts";
import {
  OPENCODE_TOOL_NAMES,
  type OpenCodeMessage,
  openCodeEnv,
  openCodeMessages,
  seedOpenCodeHome,
} from "../../support/opencode-cli.ts";
import type { AgentDriver, AgentOptions, AgentSession, TranscriptEntry } from "../driver.ts";
import { installCli } from "../install.ts";
import type { World } from "../world.ts";

export const OPENCODE_VERSION = process.env.REPOWIRE_OPENCODE_VERSION || "1.18.33";

export interface OpenCodeOptions extends AgentOptions {
  args?: string[];
  permission?: Record<string, unknown>;
  withScreen?: boolean;
  /** Returns when the screen is there, without waiting for a peer. */
  noWait?: boolean;
}

export interface OpenCodeSession extends AgentSession {
  readonly api: ChatServer;
  readonly home: string;
  messages(): OpenCodeMessage[];
}

const READY = /Ask anything|ctrl\+p commands|tab agents/;
const DIALOG = /Permission required/;

export const openCode: AgentDriver = {
  runtime: "opencode",
  version: OPENCODE_VERSION,
  install: installOpenCode,
  start: startOpenCode,
};

export function installOpenCode(): string {
  const binary = installCli({ package: "opencode-ai", version: OPENCODE_VERSION, binary: "opencode" });
  const works = () => Bun.spawnSync([binary, "--version"], { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
  // Where install scripts are off, the package's own links its platform binary by hand.
  if (!works())
    Bun.spawnSync(["node", "postinstall.mjs"], { cwd: join(dirname(binary), "..", "opencode-ai"), stdout: "ignore" });
  if (!works()) throw new Error(`opencode-ai ${OPENCODE_VERSION} does not start`);
  return binary;
}

/** A folder, a HOME with repowire in it as setup would have left it, and a model behind it; nothing is started yet. */
export function prepareOpenCode(world: World, name: string, options: OpenCodeOptions) {
  const folder = join(world.root, options.folder ?? name);
  const home = join(world.root, "u", name);
  mkdirSync(folder, { recursive: true });
  Bun.spawnSync(["git", "init", "-q", "--initial-branch=main", folder], { stdout: "ignore", stderr: "ignore" });
  const api = startChatCompletionsApi(options.model, OPENCODE_TOOL_NAMES);
  world.onClose(() => api.stop());
  seedOpenCodeHome({
    home,
    apiUrl: api.url,
    bundles: world.bundles,
    repowireHome: world.home,
    permission: options.permission ?? { bash: options.allowShell ? "allow" : "ask" },
    withScreen: options.withScreen ?? true,
  });
  return { folder, home, api };
}

export async function startOpenCode(world: World, name: string, options: OpenCodeOptions): Promise<OpenCodeSession> {
  const { folder, home, api } = prepareOpenCode(world, name, options);
  world.terminal.open(name, {
    cwd: folder,
    env: { ...openCodeEnv(home), ...options.env },
    command: [installOpenCode(), ...(options.args ?? [])],
  });
  const pid = world.terminal.pid(name);
  world.onClose(async () => {
    await world
      .until(`${name} has ended`, () => processInfo(pid) === undefined, 10_000)
      .catch(() => process.kill(pid, "SIGKILL"));
  });
  await world.terminal.waitFor(name, READY, 90_000);
  if (!options.noWait)
    await world.until(
      `${name} joins`,
      async () =>
        (await world.mesh.peers({})).peers.some(
          (peer) => peer.path === folder && peer.presence.state !== "offline" && peer.delivery?.rung === "push",
        ),
      60_000,
    );
  const messages = () => openCodeMessages(home);
  const ownPrompts = () =>
    messages().filter(({ info, parts }) => info.role === "user" && !parts.some((part) => part.metadata?.repowire))
      .length;
  let expected = ownPrompts();
  const screen = () => world.terminal.screen(name);
  return {
    name,
    runtime: "opencode",
    api,
    pid,
    home,
    messages,
    screen,
    async type(text) {
      expected = ownPrompts() + 1;
      await world.terminal.type(name, text);
    },
    press: (...keys) => world.terminal.press(name, ...keys),
    async interrupt() {
      world.terminal.press(name, "Escape");
      // The first only warns (1.18.33).
      await Bun.sleep(300);
      world.terminal.press(name, "Escape");
    },
    write: (text) => world.terminal.write(name, text),
    idle: async (timeoutMs = 60_000) =>
      void (await world.until(`${name} is idle`, () => ownPrompts() >= expected && isIdle(messages()), timeoutMs)),
    dialog: async (timeoutMs = 60_000) =>
      void (await world.until(`a permission dialog of ${name}`, () => DIALOG.test(screen()), timeoutMs)),
    isDialogOpen: () => DIALOG.test(screen()),
    allowOnce: () => world.terminal.press(name, "Enter"),
    draft: () => draftOf(screen()),
    clearDraft: () => world.terminal.press(name, "C-u"),
    transcript: () => messages().flatMap(entriesOf),
    settings: () => [
      ...new Set(
        messages().flatMap(({ info }) =>
          info.role === "user" ? [`agent ${info.agent}, model ${JSON.stringify(info.model)}`] : [],
        ),
      ),
    ],
    async kill() {
      process.kill(pid, "SIGKILL");
      await world.until(`${name} is gone`, () => processInfo(pid) === undefined);
    },
  };
}

function isIdle(messages: readonly OpenCodeMessage[]): boolean {
  const last = messages.at(-1)?.info;
  if (!last) return true;
  if (last.role !== "assistant") return false;
  return last.error !== undefined || (last.time.completed !== undefined && last.finish !== "tool-calls");
}

/** The composer is the last box on the screen; above the line that names agent and model stands what is typed. */
function draftOf(screen: string): string {
  const lines = screen.split("\n").map((line) => line.match(/^\s*┃\s?(.*?)\s*$/)?.[1]);
  const end = lines.findLastIndex((line) => line !== undefined);
  const box: string[] = [];
  for (let at = end; at >= 0 && lines[at] !== undefined; at--) box.unshift(lines[at]?.trim() ?? "");
  const text = box.slice(0, -1).join(" ").trim();
  return /^Ask anything/.test(text) ? "" : text;
}

/** What the model was shown or said. A message of the model counts once a step of it has ended. */
function entriesOf({ info, parts }: OpenCodeMessage): TranscriptEntry[] {
  const text = parts
    .filter((part) => part.type === "text" && !part.ignored)
    .map((part) => part.text ?? "")
    .join("\n");
  const marks = parts.flatMap((part) => (part.metadata?.repowire as { id?: string } | undefined)?.id ?? []);
  if (info.role === "user")
    return [{ from: "input", text, place: marks.length > 0 ? `client ${marks.join(" ")}` : undefined }];
  const results = parts.filter((part) => part.type === "tool" && part.state?.status === "completed");
  const spoke = parts.some((part) => part.type === "step-finish");
  return [
    ...(spoke ? [{ from: "model" as const, text }] : []),
    ...results.map((part) => ({ from: "tool_result" as const, text: part.state?.output ?? "" })),
  ];
}
