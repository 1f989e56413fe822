import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { writeFileAtomic } from "../../platform/files.ts";
import { ensurePrivateFolder, type HomePaths } from "../../platform/paths.ts";
import { shellWord } from "../../platform/shell.ts";
import { RepowireError } from "../../protocol/index.ts";
import { withSystemErrors } from "../source.ts";
import type { ServiceManager } from "./manager.ts";
import { markOf, type ServiceMark } from "./text.ts";

/** Kept from the shell that installs, beside PATH. */
const KEPT = ["PATH", "REPOWIRE_HOME", "REPOWIRE_PORT", "TMUX_TMPDIR"];

/** What this home's service file says of itself; undefined when there is none, or it is not of this home. */
export function ownMark(paths: HomePaths, file: string): ServiceMark | undefined {
  const found = existsSync(file) ? markOf(withSystemErrors(file, "read", () => readFileSync(file, "utf8"))) : undefined;
  return found?.home === paths.home ? found : undefined;
}

/** Refuses where the file is of another home, or of somebody else. */
export function writeServiceFile(
  paths: HomePaths,
  file: string,
  manager: Pick<ServiceManager, "text">,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const known = ownMark(paths, file);
  if (existsSync(file) && !known) {
    const other = markOf(readFileSync(file, "utf8"));
    throw new RepowireError(
      "name_taken",
      other
        ? `${file} is the service of the repowire in another home: run \`REPOWIRE_HOME=${shellWord(other.home)} repowire service uninstall\` first.`
        : `${file} is there already, and repowire did not write it. Move it away, then try again.`,
    );
  }
  const kept = KEPT.flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  const folders = [...(known?.folders ?? []), ...missingFolders(file)];
  const text = manager.text({
    home: paths.home,
    launcher: paths.cliLauncher,
    logFile: paths.daemonLog,
    env: Object.fromEntries(kept),
    folders,
  });
  ensurePrivateFolder(paths.logs);
  withSystemErrors(file, "written", () => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileAtomic(file, text);
  });
}

/** Removes the file and the folders that were made for it, as far as nothing else is in them now. */
export function removeServiceFile(file: string, { folders }: ServiceMark): void {
  withSystemErrors(file, "removed", () => rmSync(file, { force: true }));
  for (const folder of folders.toReversed()) {
    if (!file.startsWith(`${folder}/`) || !existsSync(folder) || readdirSync(folder).length > 0) break;
    rmdirSync(folder);
  }
}

function missingFolders(file: string): string[] {
  const missing: string[] = [];
  for (let folder = dirname(file); !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  return missing;
}
