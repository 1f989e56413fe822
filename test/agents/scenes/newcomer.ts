import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findDaemon } from "../../../src/client/index.ts";
import { processesFrom, processInfo } from "../../../src/platform/process.ts";
import type { OperationOutput, SpawnRuntime } from "../../../src/protocol/index.ts";
import { claudeEnv } from "../../support/claude-cli.ts";
import { codexEnv, endCodexServer, trustFolder } from "../../support/codex-cli.ts";
import { geminiEnv } from "../../support/gemini-cli.ts";
import { git } from "../../support/git.ts";
import { openCodeEnv } from "../../support/opencode-cli.ts";
import type { Ran } from "../../support/setup-sandbox.ts";
import { answering } from "../models.ts";
import { asPerson, freePort, personOf, seedAll } from "../person.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

/** The checkout that this suite runs in. */
const HERE = join(import.meta.dir, "..", "..", "..");
const RUNTIMES: Record<string, SpawnRuntime> = {
  frontend: "claude-code",
  backend: "codex",
  docs: "gemini",
  infra: "opencode",
};

/**
 * What somebody does who has read the README and nothing else, from a fresh clone to an uninstalled machine. Each command stands in the
 * notes with what it printed.
 */
export const newcomerScenes: Scene[] = [
  {
    name: "a newcomer: a fresh clone, setup, four agents, an ask, a worktree, doctor, and everything away again",
    isLong: true,
    async run(world, { check, note }) {
      const user = join(world.root, "p");
      const port = freePort();
      const { REPOWIRE_HOME: home = "", ...rest } = personOf(world, user);
      const npm = join(user, "npm");
      const env = { ...rest, PATH: `${npm}/bin:${rest.PATH}`, REPOWIRE_PORT: port };
      const sessions: number[] = [];
      world.onClose(async () => {
        for (const pid of sessions) if (processInfo(pid)) process.kill(pid, "SIGKILL");
        await endCodexServer(join(user, ".codex"));
        for (const { pid } of processesFrom(home)) if (processInfo(pid)) process.kill(pid, "SIGKILL");
      });
      installFromClone(world, npm, env);
      const servers = seedPlaces(world, user);
      for (const name of Object.keys(RUNTIMES))
        git(join(world.root, name), "commit", "-q", "--allow-empty", "-m", "first");
      openTmux(world, {
        ...env,
        ...codexEnv(user),
        ...openCodeEnv(user),
        ...geminiEnv({ home: user, apiUrl: servers.gemini.url }),
        ...claudeEnv({ home: user, runtimeDir: join(world.root, "r"), apiUrl: servers["claude-code"].url }),
        ...env,
      });
      const command = asPerson(world, env, join(npm, "bin", "repowire"));
      const run = async (...words: string[]): Promise<Ran> => {
        const ran = await command(...words);
        const said = `${ran.out}${ran.err}`.trimEnd().replace(/^/gm, "    ");
        note(`$ repowire ${words.join(" ")}${ran.code === 0 ? "" : `   (exit code ${ran.code})`}\n${said}`);
        return ran;
      };
      const places = Object.keys(RUNTIMES).map((name) => join(world.root, name));

      const setup = await run("setup", "--experimental-channels", "--yes");
      check("setup ends well", setup.code === 0, setup);
      writeFileSync(
        join(home, "config.yaml"),
        JSON.stringify({ spawn: { tmux_socket: join(world.root, "tmux.sock"), accept_development_channels: true } }),
      );
      check("the new settings are taken", (await run("daemon", "restart")).code === 0);
      for (const folder of places) {
        const runtime = RUNTIMES[folder.split("/").at(-1) ?? ""] ?? "codex";
        const started = await run("peer", "new", folder, "--runtime", runtime);
        check(`${runtime} is started`, started.code === 0, started);
      }
      sessions.push(...(await pidsOf(command)));
      const alone = await run();
      check(
        "repowire alone shows the four",
        Object.keys(RUNTIMES).every((name) => alone.out.includes(name)),
        alone,
      );
      const asked = await run("peer", "ask", "backend,docs,infra,frontend", "How many sheep?", "-w", "60");
      check("all four answer", asked.out.includes("4 of 4 peers answered"), asked);
      const trace = await run("trace", "last");
      check("the trace proves it", /seen .*answered/.test(trace.out), trace);

      trustFolder(join(user, ".codex"), join(world.root, "backend-feat-x"));
      const apart = await run("peer", "new", places[1] ?? "", "--runtime", "codex", "--worktree", "feat/x");
      check("one works on a branch of its own", apart.code === 0, apart);
      sessions.push(...(await pidsOf(command)));

      const settings = join(user, ".claude", "settings.json");
      const before = readFileSync(settings, "utf8");
      writeFileSync(settings, JSON.stringify({ ...JSON.parse(before), hooks: {} }));
      const found = await run("doctor");
      check(
        "doctor finds what was broken, with the next step",
        found.code === 1 && /hooks/i.test(found.out) && /repowire setup/.test(found.out),
        found,
      );
      check("setup mends it", (await run("setup", "claude-code", "--yes")).code === 0);
      const healthy = await run("doctor");
      check("doctor finds nothing more of it", !/hooks are missing/i.test(healthy.out), healthy);

      for (const name of ["backend-feat-x", ...Object.keys(RUNTIMES)])
        check(`${name} is ended`, (await run("peer", "kill", name)).code === 0);
      check("the worktree is removed", (await run("worktree", "remove", "feat/x")).code === 0);
      await endCodexServer(join(user, ".codex"));
      const uninstall = await run("uninstall", "--yes", "--remove-data");
      check("uninstall ends well", uninstall.code === 0, uninstall);
      check("nothing of it is left", !existsSync(home) && traces(user).length === 0, traces(user));
      check("no daemon runs", (await findDaemon(home)) === undefined);
      check(
        "the repositories are as they were",
        places.every((folder) => git(folder, "status", "--porcelain") === ""),
      );
    },
  },
];

/** As `npm install -g` would have it from the registry, here from a package of a fresh clone. */
function installFromClone(world: World, npm: string, env: Record<string, string>): void {
  const clone = join(world.root, "clone");
  mkdirSync(npm, { recursive: true });
  const run = (cwd: string, ...words: string[]) => {
    const ran = Bun.spawnSync(words, {
      cwd,
      env: { ...process.env, HOME: env.HOME ?? "" },
      stdout: "pipe",
      stderr: "pipe",
    });
    if (ran.exitCode !== 0) throw new Error(`${words.join(" ")}: ${ran.stderr.toString()}`);
    return ran.stdout.toString().trim();
  };
  run(world.root, "git", "clone", "-q", HERE, clone);
  // Packing builds the bundles.
  run(clone, "npm", "install", "--no-audit", "--no-fund");
  const packed = run(clone, "npm", "pack", "--silent").split("\n").at(-1) ?? "";
  run(clone, "npm", "install", "-g", "--no-audit", "--no-fund", "--prefix", npm, join(clone, packed));
}

function seedPlaces(world: World, user: string) {
  const place = (name: string) => ({ folder: join(world.root, name), model: answering(() => `Nine, says ${name}.`) });
  return seedAll(world, user, {
    "claude-code": place("frontend"),
    codex: place("backend"),
    gemini: place("docs"),
    opencode: place("infra"),
  });
}

/** A person's own tmux server, with what their shell would have in its environment. */
function openTmux(world: World, env: Record<string, string>): void {
  world.terminal.open("keep", { cwd: world.root, env: {}, command: ["sleep", "900"] });
  for (const [name, value] of Object.entries(env))
    Bun.spawnSync(["tmux", "-S", join(world.root, "tmux.sock"), "set-environment", "-g", name, value]);
}

async function pidsOf(command: (...words: string[]) => Promise<Ran>): Promise<number[]> {
  const { peers } = JSON.parse((await command("peer", "list", "--json")).out) as OperationOutput<"peers">;
  return peers.flatMap(({ pid }) => pid ?? []);
}

/** Configuration that still names it; what the CLIs keep of their own conversations is theirs. */
function traces(user: string): string[] {
  const folders = [".claude", ".codex", ".gemini", ".config/opencode", ".config/opencode/plugins"];
  return folders
    .map((folder) => join(user, folder))
    .filter(existsSync)
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .filter((file) => /\.(?:json|jsonc|toml|js)$/.test(file) && readFileSync(file, "utf8").includes("repowire"));
}
