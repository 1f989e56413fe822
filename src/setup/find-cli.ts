import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { runBriefly } from "../platform/run.ts";
import type { Environment, FoundCli } from "./runtime-setup.ts";

/** What the rows of the table share: finding a CLI, reading settings of its own. */

export const userHome = (env: Environment): string => env.HOME || homedir();

/** Some of these CLIs take seconds to start. */
const VERSION_MS = 20_000;

/** Finds a program as the user's shell would, and in places where its own installers put it. Relative parts of PATH are not looked at. */
export async function findCli(name: string, env: Environment, known: string[]): Promise<FoundCli | undefined> {
  const folders = (env.PATH ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  const path = [...folders, ...known].map((folder) => join(folder, name)).find(isProgram);
  return path === undefined ? undefined : { path, version: await versionOf(path, env) };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there, or not to be run.
    return false;
  }
}

async function versionOf(path: string, env: Environment): Promise<string | undefined> {
  try {
    // Not in the current folder, whose settings the CLI would read.
    const result = await runBriefly([path, "--version"], { cwd: "/", env, timeoutMs: VERSION_MS });
    return result?.code === 0 ? result.out.match(/\d+\.\d+\.\d+/)?.[0] : undefined;
  } catch {
    // It cannot be started; the caller says that it gave no version.
    return undefined;
  }
}

/** Settings as they are, comments or not; a file that is not there or cannot be read has none, and planning the edits says why. */
export function readSettings(file: string): unknown {
  if (!existsSync(file)) return {};
  try {
    return Bun.JSONC.parse(readFileSync(file, "utf8"));
  } catch {
    return {};
  }
}

export const isOn = (value: unknown): boolean => {
  const word = value === undefined || value === null ? "" : String(value).toLowerCase();
  return !["", "0", "false", "no", "off"].includes(word);
};
