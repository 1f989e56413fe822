import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { processArgs, processInfo } from "../../../src/platform/process.ts";
import { claudeEnv, seedClaudeHome } from "../../support/claude-cli.ts";
import { codexEnv, trustFolder } from "../../support/codex-cli.ts";
import { geminiEnv } from "../../support/gemini-cli.ts";
import { startMessagesApi } from "../../support/messages-api.ts";
import type { Model } from "../../support/model-script.ts";
import { openCodeEnv } from "../../support/opencode-cli.ts";
import { codexWorld, installCodex } from "../drivers/codex.ts";
import { installGemini, prepareGemini } from "../drivers/gemini.ts";
import { installOpenCode, prepareOpenCode } from "../drivers/opencode.ts";
import { askId, reply } from "../models.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

/** How one runtime is made ready in a world: its profile, as a person's config.yaml would have it. */
interface Prepared {
  command: string;
  args: string[];
  env: Record<string, string>;
}

const answers: Model = (turn) => {
  const id = askId(turn);
  return id && turn.toolResults.length === 0 ? [reply(id, "Nine, says herd.ts.")] : [{ say: "Nine, says herd.ts." }];
};

const PREPARE: Record<string, (world: World, name: string, folder: string, model: Model) => Promise<Prepared>> = {
  async "claude-code"(world, name, folder, model) {
    const home = join(world.root, "u", name);
    seedClaudeHome(home, [folder], { channels: false });
    const api = startMessagesApi(model);
    world.onClose(() => api.stop());
    const [command = "", ...args] = world.claudeArgs(name, { model });
    return { command, args, env: claudeEnv({ home, runtimeDir: join(world.root, "r"), apiUrl: api.url }) };
  },
  async codex(world, _name, folder, model) {
    const { codexHome, home, api } = await codexWorld(world);
    trustFolder(codexHome, folder);
    api.play(folder, model, { needsApproval: true });
    return { command: installCodex(), args: [], env: codexEnv(home) };
  },
  async opencode(world, name, _folder, model) {
    const { home } = prepareOpenCode(world, name, { model });
    return { command: installOpenCode(), args: [], env: openCodeEnv(home) };
  },
  async gemini(world, name, _folder, model) {
    const { home, api } = prepareGemini(world, name, { model });
    world.onClose(() => api.stop());
    return { command: installGemini(), args: [], env: geminiEnv({ home, apiUrl: api.url }) };
  },
};

async function configure(world: World, runtime: string, folder: string, prepared: Prepared): Promise<void> {
  const profile = { runtime, args: prepared.args, env: prepared.env };
  const spawn = { folders: [folder], tmux_socket: join(world.root, "tmux.sock"), profiles: { scripted: profile } };
  writeFileSync(join(world.home, "config.yaml"), JSON.stringify({ spawn }));
  const before = process.env.PATH;
  process.env.PATH = `${dirname(prepared.command)}:${before}`;
  await world.killDaemon();
  await world.startDaemon();
  process.env.PATH = before;
}

export const spawnScenes: Scene[] = Object.entries(PREPARE).map(([runtime, prepare]) => ({
  name: `spawn: ${runtime} is started, reads its prompt, answers, is restarted with its conversation, and is ended with nothing left`,
  async run(world, { check, note }) {
    const folder = join(world.root, "worker");
    mkdirSync(folder);
    Bun.spawnSync(["git", "init", "-q", "--initial-branch=main", folder], { stdout: "ignore", stderr: "ignore" });
    world.terminal.open("keep", { cwd: world.root, env: {}, command: ["sleep", "600"] });
    const read: string[] = [];
    const prepared = await prepare(world, "worker", folder, (turn) => {
      read.push(turn.text);
      return answers(turn);
    });
    await configure(world, runtime, folder, prepared);
    const started = await world.mesh.spawn({ path: folder, profile: "scripted", prompt: "Read herd.ts." });
    check("it is there and can receive", started.state === "started" && started.can_receive, started);
    if (started.state !== "started") return;
    note(`up in ${started.took_ms} ms, by ${started.peer.delivery?.rung}`);
    await world.until("it reads its prompt", () => read.some((text) => text.includes("Read herd.ts.")), 30_000);
    const outcome = await world.mesh.ask({ peer: "worker", question: "How many?", wait_seconds: 60 });
    check("it answers", outcome.state === "answered" && outcome.text.includes("Nine"), outcome);
    const again = await world.mesh.restart({ peer: "worker" });
    check("it is started again in its seat", again.state === "started" && again.peer.id === started.peer.id, again);
    if (again.state !== "started") return;
    note(`again in ${again.took_ms} ms`);
    check("with its conversation", again.continues && again.can_receive, again);
    const command = processArgs(again.peer.pid ?? 0).join(" ");
    check("as its own command line says", /(--resume|resume|--session) (ses_)?[\w-]{20,}/.test(command), command);
    check("the one before is gone", processInfo(started.peer.pid ?? 0) === undefined, again);
    const later = await world.mesh.ask({ peer: "worker", question: "And now?", wait_seconds: 60 });
    check("it answers again", later.state === "answered" && later.text.includes("Nine"), later);
    const pid = again.peer.pid ?? 0;
    const killed = await world.mesh.kill({ peer: "worker" });
    check("it is ended, and its pane gone", killed.left.length === 0 && killed.pane_gone === true, killed);
    check("its process is gone", processInfo(pid) === undefined, killed);
    note(`ended: ${killed.ended.map((one) => `${one.command} by ${one.by}`).join(", ")}`);
  },
}));
