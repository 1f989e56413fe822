import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findDaemon, httpMesh } from "../../../src/client/index.ts";
import { processesFrom, processInfo } from "../../../src/platform/process.ts";
import type { Mesh, OperationOutput } from "../../../src/protocol/index.ts";
import { startChatCompletionsApi } from "../../support/chat-completions-api.ts";
import { claudeEnv, seedClaudeHome } from "../../support/claude-cli.ts";
import { codexEnv, endCodexServer, seedCodexHome, trustFolder } from "../../support/codex-cli.ts";
import { git } from "../../support/git.ts";
import { startMessagesApi } from "../../support/messages-api.ts";
import type { Model, ModelServer, ModelTurn } from "../../support/model-script.ts";
import { OPENCODE_TOOL_NAMES, openCodeEnv, seedOpenCodeHome } from "../../support/opencode-cli.ts";
import { startResponsesApi } from "../../support/responses-api.ts";
import type { Ran } from "../../support/setup-sandbox.ts";
import { answering } from "../models.ts";
import { asPerson, freePort, personOf } from "../person.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

const API = "shop-feat-api";
const WEB = "shop-feat-web";
const QUESTION = "What did you find?";

export const orchestratorScenes: Scene[] = [
  {
    name: "an orchestrator starts two workers on worktrees, asks both, one dies and is brought back, all are ended",
    async run(world, { check, note }) {
      const user = join(world.root, "p");
      const shop = join(world.root, "shop");
      const night = join(user, "night");
      const home = join(user, ".repowire");
      const env = {
        ...personOf(world, user, ["claude-code", "codex", "opencode"]),
        REPOWIRE_PORT: freePort(),
      };
      makeRepository(shop);
      const models = seed(world, user, { shop, night });
      const sessions: number[] = [];
      world.onClose(async () => {
        // A CLI may outlive its terminal for a while; its person would not wait for it.
        for (const pid of sessions) if (processInfo(pid)) process.kill(pid, "SIGKILL");
        await endCodexServer(join(user, ".codex"));
        for (const { pid } of processesFrom(home)) if (processInfo(pid)) process.kill(pid, "SIGKILL");
      });
      // The tmux server lives as long as a window.
      world.terminal.open("keep", { cwd: world.root, env: {}, command: ["sleep", "600"] });
      const setup = world.run(["setup", "--experimental-channels", "--yes", "--json"], env);
      check("setup ends well", setup.exitCode === 0 && JSON.parse(setup.stdout).ok, setup);
      configure(world, home, user, shop);
      const run = asPerson(world, env);
      const restarted = await run("daemon", "restart");
      check("a new daemon reads the settings", restarted.code === 0, restarted);
      check("the orchestrator's folder is written", (await run("orchestrator", "init", night)).code === 0);

      world.terminal.open("orchestrator", {
        cwd: night,
        env: {
          ...claudeEnv({ home: user, runtimeDir: join(world.root, "r"), apiUrl: models.orchestrator.url }),
          ...env,
        },
        command: [join(home, "bin", "repowire-claude"), "--permission-mode", "default"],
      });
      sessions.push(world.terminal.pid("orchestrator"));
      await world.accept("orchestrator");
      const mesh = httpMesh(await world.until("the installed daemon answers", () => findDaemon(home)));
      const person: Person = { world, mesh, run };
      await world.until(
        "it has joined",
        async () => (await peer(mesh, "orchestrator"))?.delivery !== undefined,
        30_000,
      );
      const role = await run("peer", "role", "orchestrator", "orchestrator");
      check("a person appoints it", role.code === 0, role);

      await world.terminal.type("orchestrator", "BEGIN: let two workers look at the shop");
      await approve(person, "spawn_peer", 2);
      const told = (text: string) => world.until(text, () => heard(models.orchestrator, text), 90_000);
      await world.until("both workers are asked", () => asked(models.api) && asked(models.web), 90_000);
      const [api, web] = [await peer(mesh, API), await peer(mesh, WEB)];
      sessions.push(...[api?.pid, web?.pid].flatMap((pid) => pid ?? []));
      check(
        "a Codex and an OpenCode sit on worktrees of their own",
        api?.runtime === "codex" && web?.runtime === "opencode" && api.path !== web.path,
        [api, web],
      );
      check("both were started by it", api?.spawned_by === "orchestrator" && web?.spawned_by === "orchestrator", [
        api,
        web,
      ]);
      await told("1 of 2 peers answered.");
      check("one ask to both brings the one answer there is", heard(models.orchestrator, `${API} found nine`));

      process.kill(web?.pid ?? 0, "SIGKILL");
      await told(`${WEB} ended by itself`);
      await approve(person, "kill_peer", 1);
      await told(`${WEB} found nine`);
      const back = await peer(mesh, WEB);
      check(
        "the dead one is back in its seat, as another process",
        back?.id === web?.id && back?.pid !== web?.pid,
        back,
      );
      const trace = await traceOfQuestion(run, WEB);
      check("its answer is an answer to the first question", trace.ask?.state === "answered", trace);
      note(`the question waited ${trace.steps.find((step) => step.state === "answered")?.at} ms over the restart`);

      writeFileSync(join(web?.path ?? "", "unsaved.txt"), "not committed");
      await world.terminal.type("orchestrator", "END: end both workers");
      await approve(person, "kill_peer", 2);
      await told(`ended ${WEB}`);
      const workers = [api?.pid, back?.pid].flatMap((pid) => pid ?? []);
      check("their processes are gone", workers.length === 2 && !workers.some(processInfo), workers);
      const refused = await run("worktree", "remove", WEB);
      check("what is not committed is not removed", refused.code !== 0 && refused.err.includes("unsaved.txt"), refused);
      const forced = await run("worktree", "remove", WEB, "--force");
      check("unless a person says so", forced.code === 0 && forced.out.includes("lost: "), forced);
      const removed = await run("worktree", "remove", API);
      check("the other goes at once", removed.code === 0, removed);
      const branches = git(shop, "branch", "--format=%(refname:short)");
      const worktrees = git(shop, "worktree", "list").split("\n");
      check("neither folder nor branch is left", branches === "main" && worktrees.length === 1, {
        branches,
        worktrees,
      });
      check("nothing lies beside the repository", ![API, WEB].some((name) => existsSync(join(world.root, name))));
      check("no mismatch was found", JSON.parse((await run("status", "--json")).out).advice.length === 0);
    },
  },
];

interface Person {
  world: World;
  mesh: Mesh;
  run: (...args: string[]) => Promise<Ran>;
}

/** Allows so many calls of a tool from a terminal, one after the other as they come up. */
async function approve({ world, mesh, run }: Person, tool: string, count: number): Promise<void> {
  const allowed = new Set<string>();
  while (allowed.size < count) {
    const request = await world
      .until(tool, async () => (await mesh.approvals({})).approvals.find(({ handle }) => !allowed.has(handle)), 60_000)
      .catch(() => {
        throw new Error(`${tool} never waited for a person:\n${world.terminal.screen("orchestrator")}`);
      });
    if (!request.tool.includes(tool)) throw new Error(`${request.tool} waits, not ${tool}`);
    const approved = await run("approve", request.handle);
    if (approved.code !== 0) throw new Error(approved.err);
    allowed.add(request.handle);
  }
}

const peer = async (mesh: Mesh, name: string) =>
  (await mesh.peers({ include_offline: true })).peers.find((one) => one.name === name);

/** The trace of the one question to this peer, as its person sees it. */
async function traceOfQuestion(run: Person["run"], name: string): Promise<OperationOutput<"trace">> {
  const found = await run("search", "what did you find", "--peer", name, "--kind", "ask", "--json");
  const { messages } = JSON.parse(found.out) as OperationOutput<"search">;
  const [question] = messages;
  if (!question || messages.length > 1) throw new Error(`not one question to ${name} is on record: ${found.out}`);
  return JSON.parse((await run("trace", question.message, "--json")).out);
}

const heard = (model: ModelServer, text: string): boolean => model.turns.some((turn) => turn.text.includes(text));
const asked = (model: ModelServer): boolean => heard(model, QUESTION);

/** What a cooperative orchestrator would do, by what it reads. */
function orchestrator(shop: string): Model {
  const spawn = (profile: string, worktree: string) => ({
    use: "spawn_peer",
    input: { path: shop, profile, worktree, prompt: "You will be asked about herd.ts." },
  });
  return (turn: ModelTurn) => {
    if (turn.text.includes("BEGIN:")) return [spawn("worker-codex", "feat/api")];
    if (turn.text.includes("END:")) return [{ use: "kill_peer", input: { peer: API } }];
    if (turn.text.includes(`${WEB} ended by itself`))
      return [{ use: "kill_peer", input: { peer: WEB, restart: true } }];
    const [result] = turn.toolResults;
    if (result?.startsWith(`started ${API}`)) return [spawn("worker-opencode", "feat/web")];
    if (result?.startsWith(`started ${WEB}`))
      return [{ use: "ask_peer", input: { peer: `${API}, ${WEB}`, question: QUESTION, wait_seconds: 10 } }];
    if (result?.startsWith(`ended ${API}`)) return [{ use: "kill_peer", input: { peer: WEB } }];
    return [{ say: "noted" }];
  };
}

/** A worker that answers; the first one asked of `hangs` thinks longer than it lives. */
function worker(name: string, hangs: boolean): Model {
  let isFirst = hangs;
  const answers = answering(() => `${name} found nine`);
  return (turn) => {
    if (!turn.text.includes(QUESTION) || !isFirst) return answers(turn);
    isFirst = false;
    return { steps: [{ say: "too late" }], delayMs: 120_000 };
  };
}

function makeRepository(folder: string): void {
  mkdirSync(folder);
  git(folder, "init", "-q");
  writeFileSync(join(folder, "herd.ts"), "export const herd = 9;\n");
  git(folder, "add", ".");
  git(folder, "commit", "-qm", "first");
}

/** What the person's own `config.yaml` allows: two profiles in one repository. */
function configure(world: World, home: string, user: string, shop: string): void {
  const profiles = {
    "worker-codex": { runtime: "codex", env: codexEnv(user) },
    "worker-opencode": { runtime: "opencode", env: openCodeEnv(user) },
  };
  const spawn = { folders: [shop], tmux_socket: join(world.root, "tmux.sock"), profiles };
  writeFileSync(join(home, "config.yaml"), JSON.stringify({ spawn }));
}

/** Each CLI as its person has it before setup, on a model of its own. */
function seed(world: World, user: string, { shop, night }: { shop: string; night: string }) {
  const folders = { api: join(world.root, API), web: join(world.root, WEB) };
  const claude = startMessagesApi(orchestrator(shop));
  const responses = startResponsesApi();
  const chat = startChatCompletionsApi(worker(WEB, true), OPENCODE_TOOL_NAMES);
  world.onClose(async () => {
    for (const server of [claude, responses, chat]) await server.stop();
  });
  seedClaudeHome(user, [night], { channels: true });
  seedCodexHome({ codexHome: join(user, ".codex"), apiUrl: responses.url });
  for (const folder of [shop, folders.api]) trustFolder(join(user, ".codex"), folder);
  const repowireHome = join(user, ".repowire");
  seedOpenCodeHome({ home: user, apiUrl: chat.url, repowireHome, permission: {}, withScreen: true });
  return {
    orchestrator: claude,
    api: responses.play(folders.api, worker(API, false), { needsApproval: false }),
    web: chat,
  };
}
