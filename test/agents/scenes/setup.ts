import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findDaemon, httpMesh } from "../../../src/client/index.ts";
import { claudeEnv, claudeRecord, seedClaudeHome } from "../../support/claude-cli.ts";
import { startMessagesApi } from "../../support/messages-api.ts";
import type { Model } from "../../support/model-script.ts";
import { answering, obedient } from "../models.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

/** A person's own settings, in their own way of writing: they must be as they were when repowire is gone. */
const SETTINGS = `{
	"model": "opus",   
	"permissions": { "allow": ["Bash(ls:*)"] },
	"hooks": { "Stop": [ { "hooks": [ { "type": "command", "command": "true" } ] } ] }
}
`;

export const setupScenes: Scene[] = [
  {
    name: "setup, use and uninstall, as a person would",
    async run(world, { check, note }) {
      const user = join(world.root, "u", "me");
      const bin = join(world.root, "bin");
      for (const folder of [user, bin]) mkdirSync(folder, { recursive: true });
      symlinkSync(world.claude, join(bin, "claude"));
      const projects = ["frontend", "backend"].map((name) => join(world.root, name));
      for (const project of projects) mkdirSync(project, { recursive: true });
      seedClaudeHome(user, projects, { channels: true });
      writeFileSync(join(user, ".claude", "settings.json"), SETTINGS);
      const env = { PATH: `${bin}:${process.env.PATH ?? ""}`, HOME: user, REPOWIRE_PORT: "0", USER: "tester" };
      const home = join(user, ".repowire");
      const run = (...args: string[]) => world.run(args, { ...env });

      const setup = run("setup", "--experimental-channels", "--yes");
      check(
        "setup ends with a self-test that was really answered",
        setup.exitCode === 0 && /self-test: a question was asked and answered/.test(setup.stdout),
        setup,
      );
      note(setup.stdout.split("\n").find((line) => line.includes("self-test")) ?? "");

      const backend = await start(
        world,
        "backend",
        user,
        env,
        answering(() => "Set up well."),
      );
      const frontend = await start(world, "frontend", user, env, obedient);
      const mesh = httpMesh(await world.until("the installed daemon answers", () => findDaemon(home)));
      await world.until(
        "both sessions have joined",
        async () => (await mesh.peers({})).peers.filter((peer) => peer.delivery?.rung === "channel").length === 2,
      );
      await world.terminal.type("frontend", "ASK backend: Are you set up?");
      await world.until("the answer arrives", () =>
        frontend.turns.some((turn) => turn.toolResults.some((result) => result.includes("Set up well."))),
      );
      check(
        "no tool of ours asked for a permission",
        !/Do you want to proceed/.test(world.terminal.screen("frontend") + world.terminal.screen("backend")),
      );
      check(
        "each model was told at its start who it is",
        backend.turns.some((turn) => /repowire: you are backend \(circle default\)/.test(turn.text)),
        backend.turns[0]?.text.slice(-600),
      );
      const trace = await world.until("it is seen", async () => {
        const found = await mesh.trace({ id: "last" });
        return found.steps.some((step) => step.state === "seen") && found;
      });
      check(
        "hooks and transcript of the installed program prove it",
        trace.steps.some((step) => step.state === "entered") && trace.ask?.by === "reply",
        trace.steps,
      );
      // A busy session is reached by its inbox socket; what is proven is the way into the idle one.
      for (const name of ["frontend", "backend"]) {
        await world.until(`${name} is idle`, () => claudeRecord(user, world.terminal.pid(name))?.status === "idle");
      }
      await Bun.sleep(1_200);
      const status = run("status");
      check(
        "status shows both sessions with their proven rung",
        /backend .*channel +(prompt hook|transcript)/.test(status.stdout) && /frontend .*channel/.test(status.stdout),
        status.stdout,
      );

      for (const name of ["frontend", "backend"]) world.terminal.kill(name);
      await world.until("both have left", async () =>
        (await mesh.peers({})).peers.every((peer) => peer.runtime !== "claude-code"),
      );
      const uninstall = run("uninstall", "--yes", "--remove-data");
      check("uninstall succeeds", uninstall.exitCode === 0, uninstall);
      check(
        "the person's settings are as they were, to the byte",
        readFileSync(join(user, ".claude", "settings.json"), "utf8") === SETTINGS,
        readFileSync(join(user, ".claude", "settings.json"), "utf8"),
      );
      const state = JSON.parse(readFileSync(join(user, ".claude.json"), "utf8")) as Record<string, unknown>;
      check(
        "nothing of repowire is left in the CLI's own state",
        !JSON.stringify(state).includes("repowire-channel"),
        state,
      );
    },
  },
];

/** A session as the person starts it after setup: by the installed launcher, with nothing on the command line of ours. */
async function start(world: World, name: string, user: string, env: Record<string, string>, model: Model) {
  const api = startMessagesApi(model);
  world.onClose(() => api.stop());
  const runtimeDir = join(world.root, "r");
  world.terminal.open(name, {
    cwd: join(world.root, name),
    env: { ...claudeEnv({ home: user, runtimeDir, apiUrl: api.url }), ...env },
    command: [join(user, ".repowire", "bin", "repowire-claude"), "--permission-mode", "default"],
  });
  await world.accept(name);
  await world.until(`${name} is idle`, () => claudeRecord(user, world.terminal.pid(name))?.status === "idle");
  return api;
}
