import { existsSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { isAppServer } from "../adapters/codex/threads.ts";
import type { Launcher, LaunchOrder, LaunchWish, PaneRecord } from "../core/ports.ts";
import { readCheckout, uncommittedFiles } from "../platform/checkout.ts";
import type { Config } from "../platform/config.ts";
import type { HomePaths } from "../platform/paths.ts";
import { isAlive } from "../platform/process.ts";
import { shellWord } from "../platform/shell.ts";
import { LIMITS, RepowireError, type SpawnRuntime } from "../protocol/index.ts";
import { CHANNEL_FLAG, launcherPath } from "../setup/launchers.ts";
import { RUNTIME_SETUPS } from "../setup/runtimes.ts";
import { cleanText } from "../words/index.ts";
import { CHANNEL_NOTICE, COMMANDS } from "./commands.ts";
import { againArgs, CONTINUING } from "./continuing.ts";
import { endProcess } from "./end-process.ts";
import {
  closePane,
  closeWithProgram,
  openWindow,
  paneDoors,
  pressEnter,
  readPane,
  usualSocket,
} from "./tmux-window.ts";

/** What agent CLIs set for everything that they start: a session must not think that it runs inside another. */
const NOT_INHERITED = [
  "CLAUDECODE",
  "CLAUDE_CODE_SESSION_ID",
  "CODEX_THREAD_ID",
  "GEMINI_CLI",
  "OPENCODE",
  "REPOWIRE_PEER",
];
const GIT_MS = 5_000;

export function createLauncher(parts: { paths: HomePaths; spawn: Config["spawn"] }): Launcher {
  const { spawn, paths } = parts;
  const socket = spawn.tmux_socket ?? usualSocket(process.env);
  let opening: Promise<unknown> = Promise.resolve();
  /** Once for each start: a second Enter would be for whatever comes after the notice. */
  const accepted = new Set<string>();

  const profileOf = (name: string | undefined) => {
    if (name === undefined) return undefined;
    const profile = Object.hasOwn(spawn.profiles, name) ? spawn.profiles[name] : undefined;
    if (profile) return profile;
    const known = Object.keys(spawn.profiles).join(", ") || "none";
    throw new RepowireError(
      "invalid_input",
      `There is no profile "${name}" under spawn.profiles in config.yaml (known: ${known}).`,
    );
  };

  function judge({ path, runtime: wished, profile: name, args }: LaunchWish) {
    const profile = profileOf(name);
    if (profile && wished !== undefined && wished !== profile.runtime)
      throw new RepowireError("invalid_input", `Profile "${name}" is for ${profile.runtime}, not ${wished}.`);
    const runtime = profile?.runtime ?? wished ?? spawn.runtimes[0] ?? "claude-code";
    const reasons = [
      isIn(path, spawn.folders) ? "" : `${path} is not among spawn.folders of config.yaml`,
      profile || spawn.runtimes.includes(runtime) ? "" : `${runtime} is not among spawn.runtimes of config.yaml`,
      args.length > 0 ? "it has arguments of its own" : "",
    ].filter(Boolean);
    return { runtime, why: reasons.length > 0 ? reasons.join("; ") : undefined };
  }

  const usesChannel = (runtime: SpawnRuntime): boolean =>
    runtime === "claude-code" && spawn.accept_development_channels && existsSync(launcherPath(paths, "claude"));

  const argsOf = (order: LaunchOrder): string[] => {
    const { runtime, again } = order;
    const args = [
      ...(profileOf(order.profile)?.args ?? []),
      ...(again ? againArgs(runtime, order.args) : order.args),
      ...(usesChannel(runtime) ? CHANNEL_FLAG : []),
    ];
    const id = again?.conversation;
    return id === undefined ? args : CONTINUING[runtime].args(id, args);
  };

  async function commandOf(runtime: SpawnRuntime): Promise<string> {
    const row = RUNTIME_SETUPS.find((candidate) => candidate.runtime === runtime);
    const found = Bun.which(COMMANDS[runtime].command) ?? (await row?.find(process.env))?.path;
    if (found && isAbsolute(found) && !found.includes("=")) return found;
    throw new RepowireError(
      "launch_failed",
      `${row?.label ?? runtime} was not found where the daemon looks (PATH and the usual places). ${row?.howToGet ?? ""}`.trim(),
    );
  }

  async function start(order: LaunchOrder) {
    const command = await commandOf(order.runtime);
    const env = {
      ...profileOf(order.profile)?.env,
      REPOWIRE_NAME: order.name,
      REPOWIRE_CIRCLE: order.circle,
      REPOWIRE_HOME: paths.home,
    };
    return openWindow(socket, {
      name: order.name,
      folder: order.path,
      command: [
        "/usr/bin/env",
        ...NOT_INHERITED.flatMap((name) => ["-u", name]),
        ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
        command,
        ...argsOf(order),
      ],
    });
  }

  return {
    folder: realFolder,
    judge,
    canContinue: (runtime, conversation) => CONTINUING[runtime].id.test(conversation),
    preview: (order) =>
      `${[COMMANDS[order.runtime].command, ...argsOf(order)].map(shellWord).join(" ")}\nin ${order.path}, circle ${order.circle}`,
    start(order) {
      // One after the other: the first makes the tmux session that the next one joins.
      const next = opening.then(() => start(order));
      opening = next.catch(() => {});
      return next;
    },
    async look(pane, runtime) {
      const shown = await readPane(pane);
      const lines = (shown?.lines ?? []).map((line) => cleanText(line).trimEnd());
      const text = lines.join("\n");
      if (shown && !shown.isDead && usesChannel(runtime) && CHANNEL_NOTICE.test(text) && !accepted.has(keyOf(pane))) {
        accepted.add(keyOf(pane));
        await pressEnter(pane);
      }
      const dialog = COMMANDS[runtime].dialogs.find(({ screen }) => screen.test(text));
      return {
        isAlive: shown !== undefined && !shown.isDead && isAlive(pane.root),
        tail: lines.filter((line) => line !== "").slice(-LIMITS.screenTailLines),
        blockedBy: dialog?.asks,
        hasNothingToContinue: CONTINUING[runtime].nothing.test(text),
      };
    },
    settle: closeWithProgram,
    async stop(instance, pane) {
      const root = pane && isAlive(pane.root) ? pane.root : instance;
      const stopped = root
        ? await endProcess(root, { graceMs: LIMITS.stopGraceMs, isKept: isAppServer })
        : { ended: [], left: [] };
      return { ...stopped, pane_gone: pane && (await closePane(pane)) };
    },
    doors: paneDoors,
    async uncommitted(path) {
      const checkout = readCheckout(path);
      if (!checkout || !existsSync(path)) return undefined;
      const files = await uncommittedFiles(path, GIT_MS);
      return files === undefined ? undefined : { branch: checkout.branch, files };
    },
  };
}

const keyOf = ({ root }: PaneRecord): string => `${root.pid} ${root.started}`;

const fromHome = (path: string): string =>
  path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;

/** Links and `..` are followed first: what counts is where it really is. */
function realFolder(path: string, from: string | undefined): string {
  const wanted = fromHome(path);
  if (wanted.includes("\0") || (!isAbsolute(wanted) && from === undefined))
    throw new RepowireError("invalid_input", `"${cleanText(path)}" is no absolute path. Give the folder's full path.`);
  try {
    const real = realpathSync(resolve(from ?? "/", wanted));
    if (statSync(real).isDirectory()) return real;
  } catch {
    // Said below.
  }
  throw new RepowireError("not_found", `There is no folder ${cleanText(wanted)}. Make it first, or name another.`);
}

function isIn(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => {
    try {
      return `${path}/`.startsWith(`${realpathSync(fromHome(folder))}/`);
    } catch {
      // A folder of the list that is not there allows nothing.
      return false;
    }
  });
}
