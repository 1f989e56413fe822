import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findDaemon, httpMesh } from "../../../src/client/index.ts";
import { processesFrom, processInfo } from "../../../src/platform/process.ts";
import { startChatCompletionsApi } from "../../support/chat-completions-api.ts";
import { claudeEnv, seedClaudeHome } from "../../support/claude-cli.ts";
import { codexEnv, endCodexServer, seedCodexHome, trustFolder } from "../../support/codex-cli.ts";
import { startGeminiApi } from "../../support/gemini-api.ts";
import { geminiEnv, seedGeminiHome } from "../../support/gemini-cli.ts";
import { startMessagesApi } from "../../support/messages-api.ts";
import type { Model, ModelServer } from "../../support/model-script.ts";
import { OPENCODE_TOOL_NAMES, openCodeEnv, seedOpenCodeHome } from "../../support/opencode-cli.ts";
import { startResponsesApi } from "../../support/responses-api.ts";
import { answering, obedient } from "../models.ts";
import { freePort, personOf } from "../person.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

/** Each asks the next one. */
const RING = ["in-claude", "in-codex", "in-gemini", "in-opencode"] as const;
type Place = (typeof RING)[number];

export const setupRingScenes: Scene[] = [
  {
    name: "setup of all four CLIs, then a question around the ring, then uninstall",
    async run(world, { check, note }) {
      const user = join(world.root, "p");
      const env = { ...personOf(world, user), REPOWIRE_PORT: freePort() };
      const servers = seed(world, user);
      const run = (...args: string[]) => world.run(args, env);
      const setup = run("setup", "--experimental-channels", "--yes", "--json");
      check("setup ends well", setup.exitCode === 0 && JSON.parse(setup.stdout).ok, setup);

      const home = join(user, ".repowire");
      const start = (name: Place, command: string[], own: Record<string, string>) =>
        world.terminal.open(name, { cwd: join(world.root, name), env: { ...own, ...env }, command });
      const runtimeDir = join(world.root, "r");
      start(
        "in-claude",
        [join(home, "bin", "repowire-claude"), "--permission-mode", "default"],
        claudeEnv({ home: user, runtimeDir, apiUrl: servers["in-claude"].url }),
      );
      await world.accept("in-claude");
      start("in-codex", ["codex"], codexEnv(user));
      start("in-gemini", ["gemini"], geminiEnv({ home: user, apiUrl: servers["in-gemini"].url }));
      start("in-opencode", ["opencode"], openCodeEnv(user));
      world.onClose(async () => {
        await endCodexServer(join(user, ".codex"));
        for (const { pid } of processesFrom(home)) if (processInfo(pid)) process.kill(pid, "SIGKILL");
      });
      const mesh = httpMesh(await world.until("the installed daemon answers", () => findDaemon(home)));
      await world.until(
        "all four have joined",
        async () => {
          const { peers } = await mesh.peers({});
          return RING.every((name) => peers.some((peer) => peer.name === name && peer.delivery !== undefined));
        },
        90_000,
      );

      for (const [index, name] of RING.entries()) {
        const next = RING[(index + 1) % RING.length];
        await Bun.sleep(1_000);
        await world.terminal.type(name, `ASK ${next}: tell the word of ${name}`);
        const answer = `${next} heard ${name}`;
        const arrived = await world
          .until(
            answer,
            () => servers[name].turns.some((turn) => turn.toolResults.some((text) => text.includes(answer))),
            60_000,
          )
          .catch(() => false);
        check(`${name} asks ${next} and reads the answer`, arrived === true, world.terminal.screen(name).slice(-1_500));
        const trace = await mesh.trace({ id: "last" });
        note(
          `${trace.deliveries[0]?.rung}, answered by ${trace.ask?.by} after ${trace.steps.find((step) => step.state === "answered")?.at} ms`,
        );
      }
      const status = JSON.parse(run("status", "--json").stdout);
      check("status finds nothing to improve", status.advice.length === 0, status.advice);

      const sessions = (await mesh.peers({})).peers.flatMap((peer) => peer.pid ?? []);
      for (const name of RING) world.terminal.kill(name);
      await endCodexServer(join(user, ".codex"));
      // A CLI may outlive its terminal for a while; its person would not wait for it.
      for (const pid of sessions) if (processInfo(pid)) process.kill(pid, "SIGKILL");
      await world.until("all have left", async () =>
        (await mesh.peers({})).peers.every((peer) => !RING.some((name) => name === peer.name)),
      );
      const uninstall = run("uninstall", "--yes", "--remove-data", "--json");
      check("uninstall ends well", uninstall.exitCode === 0, uninstall);
      const left = filesOf(user).filter((file) => readFileSync(file, "utf8").includes("repowire"));
      check("no configuration of theirs names repowire any more", left.length === 0, left);
      check("nothing of it is left", !existsSync(home));
    },
  },
];

/** Each CLI as its person has it before setup, on a model of its own. */
function seed(world: World, user: string): Record<Place, ModelServer> {
  const folders = Object.fromEntries(RING.map((name) => [name, join(world.root, name)])) as Record<Place, string>;
  for (const folder of Object.values(folders)) {
    mkdirSync(folder, { recursive: true });
    Bun.spawnSync(["git", "init", "-q", "--initial-branch=main", folder], { stdout: "ignore", stderr: "ignore" });
  }
  const model = (name: Place): Model =>
    answering((turn) => `${name} heard ${turn.text.match(/tell the word of (in-[a-z]+)/)?.[1]}`, obedient);
  const claude = startMessagesApi(model("in-claude"));
  const responses = startResponsesApi();
  const gemini = startGeminiApi(model("in-gemini"));
  const chat = startChatCompletionsApi(model("in-opencode"), OPENCODE_TOOL_NAMES);
  world.onClose(async () => {
    for (const server of [claude, responses, gemini, chat]) await server.stop();
  });
  seedClaudeHome(user, [folders["in-claude"]], { channels: true });
  seedCodexHome({ codexHome: join(user, ".codex"), apiUrl: responses.url });
  trustFolder(join(user, ".codex"), folders["in-codex"]);
  seedGeminiHome({ home: user, trusted: [folders["in-gemini"]] });
  seedOpenCodeHome({
    home: user,
    apiUrl: chat.url,
    repowireHome: join(user, ".repowire"),
    permission: {},
    withScreen: true,
  });
  return {
    "in-claude": claude,
    "in-codex": responses.play(folders["in-codex"], model("in-codex"), { needsApproval: true }),
    "in-gemini": gemini,
    "in-opencode": chat,
  };
}

/** The configuration files, not what the CLIs keep of their conversations. */
function filesOf(user: string): string[] {
  const folders = [".claude", ".codex", ".gemini", ".gemini/policies", ".config/opencode", ".config/opencode/plugins"];
  return folders
    .map((folder) => join(user, folder))
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((file) => /\.(?:json|jsonc|toml|js)$/.test(file));
}
