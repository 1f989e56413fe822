import { existsSync } from "node:fs";
import { findDaemon } from "../client/index.ts";
import { readDaemonRecord } from "../platform/daemon-record.ts";
import type { HomePaths } from "../platform/paths.ts";
import { RepowireError } from "../protocol/index.ts";
import { ownMark, removeServiceFile, writeServiceFile } from "../setup/service/file.ts";
import { findManager, noManager, type ServiceManager, serviceFile } from "../setup/service/manager.ts";
import { stopDaemon } from "./commands/daemon.ts";

/** The acts of `repowire service`, without what they print. */

type Env = Readonly<Record<string, string | undefined>>;

export interface ServiceState {
  manager: ServiceManager["name"];
  file: string;
  installed: boolean;
  /** Whether a daemon of this home answers, and whether it is the one that the service keeps. */
  daemon: "of_the_service" | "on_demand" | "none";
}

const ANSWER_MS = 15_000;
const POLL_MS = 50;

export async function serviceState(paths: HomePaths, env: Env): Promise<ServiceState> {
  return stateOf(paths, await theManager(env), serviceFile(env));
}

export async function installService(paths: HomePaths, env: Env): Promise<ServiceState> {
  const manager = await theManager(env);
  if (!existsSync(paths.cliLauncher))
    throw new RepowireError(
      "not_found",
      `repowire is not installed in ${paths.home}, so a service would have nothing to start. Run \`repowire setup\` first.`,
    );
  const file = serviceFile(env);
  writeServiceFile(paths, file, manager, env);
  await manager.enable(file);
  return takeOver(paths, manager, file);
}

/** Whether there was one. Where the manager is gone, its file is removed all the same. */
export async function uninstallService(paths: HomePaths, env: Env): Promise<boolean> {
  const file = serviceFile(env);
  const mark = ownMark(paths, file);
  if (!mark) return false;
  const manager = await findManager(env);
  await manager?.disable();
  removeServiceFile(file, mark);
  await manager?.forget();
  return true;
}

export async function startService(paths: HomePaths, env: Env, options: { anew: boolean }): Promise<ServiceState> {
  const { manager, file } = await installed(paths, env);
  const state = await stateOf(paths, manager, file);
  return state.daemon === "of_the_service" && !options.anew ? state : takeOver(paths, manager, file);
}

/** Stops the daemon, whoever started it. */
export async function stopService(paths: HomePaths, env: Env): Promise<ServiceState> {
  const { manager, file } = await installed(paths, env);
  if ((await manager.pid()) !== undefined) await manager.stop();
  await stopDaemon(paths.home);
  return stateOf(paths, manager, file);
}

/** One that was started on demand makes way: sessions come back to the service's by themselves. Resolves once that one answers. */
async function takeOver(paths: HomePaths, manager: ServiceManager, file: string): Promise<ServiceState> {
  await stopDaemon(paths.home, { comesBack: true });
  await manager.restart(file);
  const deadline = Date.now() + ANSWER_MS;
  while (Date.now() < deadline) {
    // A session may have been quicker to start its own: that one serves as well, and the service's has ended quietly.
    if (await findDaemon(paths.home)) return stateOf(paths, manager, file);
    await Bun.sleep(POLL_MS);
  }
  throw new RepowireError(
    "unavailable",
    `The service was started, but no daemon answers within ${ANSWER_MS / 1000} s. \`repowire service logs\` shows what it said.`,
  );
}

async function stateOf(paths: HomePaths, manager: ServiceManager, file: string): Promise<ServiceState> {
  const isInstalled = ownMark(paths, file) !== undefined;
  const running = await findDaemon(paths.home);
  const pid = isInstalled && running ? await manager.pid() : undefined;
  const isOfService = pid !== undefined && pid === readDaemonRecord(paths.home)?.pid;
  const daemon = !running ? "none" : isOfService ? "of_the_service" : "on_demand";
  return { manager: manager.name, file, installed: isInstalled, daemon };
}

async function theManager(env: Env): Promise<ServiceManager> {
  const manager = await findManager(env);
  if (!manager) throw noManager();
  return manager;
}

async function installed(paths: HomePaths, env: Env) {
  const manager = await theManager(env);
  const file = serviceFile(env);
  if (ownMark(paths, file)) return { manager, file };
  throw new RepowireError(
    "not_found",
    "No service is installed for this home. Install it: `repowire service install`.",
  );
}
