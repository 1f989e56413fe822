import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Runtime, SpawnRuntime } from "../../src/protocol/index.ts";
import { startChatCompletionsApi } from "../support/chat-completions-api.ts";
import { seedClaudeHome } from "../support/claude-cli.ts";
import { seedCodexHome, trustFolder } from "../support/codex-cli.ts";
import { startGeminiApi } from "../support/gemini-api.ts";
import { seedGeminiHome } from "../support/gemini-cli.ts";
import { git } from "../support/git.ts";
import { startMessagesApi } from "../support/messages-api.ts";
import type { Model, ModelServer } from "../support/model-script.ts";
import { OPENCODE_TOOL_NAMES, seedOpenCodeHome } from "../support/opencode-cli.ts";
import { inTerminal } from "../support/person.ts";
import { startResponsesApi } from "../support/responses-api.ts";
import type { Ran } from "../support/setup-sandbox.ts";
import { DRIVERS } from "./drivers/index.ts";
import type { World } from "./world.ts";

/** A person's machine: the real CLIs on the PATH, all four or those named, a home of their own. */
export function personOf(
  world: World,
  user: string,
  runtimes: readonly Runtime[] = DRIVERS.map((driver) => driver.runtime),
): Record<string, string> {
  const bin = join(world.root, "pbin");
  for (const folder of [user, bin]) mkdirSync(folder, { recursive: true });
  for (const driver of DRIVERS.filter(({ runtime }) => runtimes.includes(runtime)))
    symlinkSync(driver.install(), join(bin, driver.runtime === "claude-code" ? "claude" : driver.runtime));
  return {
    HOME: user,
    PATH: `${bin}:${process.env.PATH ?? ""}`,
    REPOWIRE_HOME: join(user, ".repowire"),
    USER: "tester",
  };
}

/** Codex is told the port, so it has to be a fixed one. */
export function freePort(): string {
  const free = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const port = String(free.port);
  void free.stop(true);
  return port;
}

/** Starting a session, or one question to several, takes its time. */
const COMMAND_MS = 60_000;

/** Commands of repowire in a terminal of the person's own, which is what makes a caller a person. */
export function asPerson(
  world: World,
  env: Record<string, string>,
  repowire = join(env.REPOWIRE_HOME ?? "", "bin", "repowire"),
): (...args: string[]) => Promise<Ran> {
  const run = inTerminal(world.terminal, { folder: world.root, cwd: world.root, env, timeoutMs: COMMAND_MS });
  return (...args) => run([repowire, ...args]);
}

type Places = Record<SpawnRuntime, { folder: string; model: Model }>;

/** The four CLIs as their person has them before setup: each with a repository that it may work in, and a model of its own. */
export function seedAll(world: World, user: string, places: Places): Record<SpawnRuntime, ModelServer> {
  for (const { folder } of Object.values(places)) {
    mkdirSync(folder, { recursive: true });
    git(folder, "init", "-q");
  }
  const claude = startMessagesApi(places["claude-code"].model);
  const responses = startResponsesApi();
  const gemini = startGeminiApi(places.gemini.model);
  const chat = startChatCompletionsApi(places.opencode.model, OPENCODE_TOOL_NAMES);
  world.onClose(async () => {
    for (const server of [claude, responses, gemini, chat]) await server.stop();
  });
  seedClaudeHome(user, [places["claude-code"].folder], { channels: true });
  const codexHome = join(user, ".codex");
  seedCodexHome({ codexHome, apiUrl: responses.url });
  trustFolder(codexHome, places.codex.folder);
  seedGeminiHome({ home: user, trusted: [places.gemini.folder] });
  const repowireHome = join(user, ".repowire");
  seedOpenCodeHome({ home: user, apiUrl: chat.url, repowireHome, permission: {}, withScreen: true });
  return {
    "claude-code": claude,
    codex: responses.play(places.codex.folder, places.codex.model, { needsApproval: true }),
    gemini,
    opencode: chat,
  };
}
