import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../platform/files.ts";
import { ensurePrivateFolder, type HomePaths } from "../platform/paths.ts";
import { BINARY, BUN, ENTRIES, ENTRY_WORD, type Entry } from "../platform/program.ts";
import { shellWord } from "../platform/shell.ts";

/**
 * The commands that configs of agent CLIs name. Their paths never change, whatever version is installed: each is a shell script
 * that starts the program of `versions/current`, whichever of its two forms that has: one binary, or bundles with their Bun.
 */
export const LAUNCHERS = {
  cli: "repowire",
  hook: "repowire-hook",
  channel: "repowire-channel",
  mcp: "repowire-mcp",
  claude: "repowire-claude",
} as const;
export type Launcher = keyof typeof LAUNCHERS;

export const launcherPath = (paths: HomePaths, launcher: Launcher): string =>
  launcher === "cli" ? paths.cliLauncher : join(paths.bin, LAUNCHERS[launcher]);

/**
 * Only builtins of sh are used before the program starts, so that neither PATH nor the current folder, which is a repository that
 * nobody has vetted, can put a command of its own in between. `exec` keeps the pid: the program's parent is the agent CLI, and that
 * is how the daemon knows whose it is. The version's real path is named, so that it shows in the process table who uses it.
 */
function launcherText(paths: HomePaths, entry: Entry, whenGone: string, before: string[] = []): string {
  return `${[
    "#!/bin/sh",
    "# Written by `repowire setup`, removed by `repowire uninstall`.",
    `export REPOWIRE_HOME=${shellWord(paths.home)}`,
    ...before,
    "# These would make Bun run code that is not repowire's.",
    "unset BUN_OPTIONS BUN_BE_BUN BUN_INSPECT BUN_INSPECT_CONNECT_TO BUN_INSPECT_NOTIFY BUN_INSPECT_PRELOAD NODE_OPTIONS",
    "# Bun's cache of translated sources would be a folder in the user's home.",
    "export BUN_RUNTIME_TRANSPILER_CACHE_PATH=0",
    'v=$(cd -P -- "$REPOWIRE_HOME/versions/current" 2>/dev/null && pwd -P)',
    `if [ -n "$v" ] && [ -x "$v/${BINARY}" ]; then`,
    `  exec "$v/${BINARY}" ${ENTRY_WORD}${entry} "$@"`,
    "fi",
    `if [ -z "$v" ] || [ ! -x "$v/${BUN}" ] || [ ! -r "$v/${ENTRIES[entry].bundle}" ]; then`,
    `  ${whenGone}`,
    "fi",
    `exec "$v/${BUN}" --no-env-file --no-install --config="$v/bunfig.toml" "$v/${ENTRIES[entry].bundle}" "$@"`,
  ].join("\n")}\n`;
}

/** A session must not be disturbed because repowire was removed while it ran. */
const GONE_SILENTLY = "exit 0";
const GONE_SAID = "echo 'repowire: no version is installed in this home. Run: npx repowire setup' >&2; exit 69";

/** What can be known without starting Bun: headless runs are no peers, and between tools only some sessions need a hook. */
const HOOK_SHORTCUTS = [
  `[ "\${CLAUDE_CODE_ENTRYPOINT-cli}" = cli ] || [ "\${REPOWIRE_PEER-}" = 1 ] || exit 0`,
  // Versions that do not name their pid (2.1.197) look for the folder instead, which is there when any session needs it.
  `[ "\${1-}" != PreToolUse ] || [ -e "$REPOWIRE_HOME/run/writing/\${CLAUDE_PID-}" ] || exit 0`,
  `[ "\${1-}" != PostToolUse ] || [ -e "$REPOWIRE_HOME/run/between/\${CLAUDE_PID-}" ] || exit 0`,
];

/** The option takes every following word that is no option, so it goes behind the user's own words, or before their `--`. */
function claudeText(): string {
  const flag = CHANNEL_FLAG.join(" ");
  return `#!/bin/sh
# Written by \`repowire setup --experimental-channels\`: starts Claude Code with repowire as a channel.
placed=
for word do
  shift
  if [ -z "$placed" ] && [ "$word" = -- ]; then
    placed=1
    set -- "$@" ${flag}
  fi
  set -- "$@" "$word"
done
[ -n "$placed" ] || set -- "$@" ${flag}
exec claude "$@"
`;
}

export const CHANNEL_FLAG = ["--dangerously-load-development-channels", "server:repowire"] as const;

function textOf(paths: HomePaths, launcher: Launcher): string {
  switch (launcher) {
    case "cli":
      return launcherText(paths, "cli", GONE_SAID);
    case "hook":
      return launcherText(paths, "hook", GONE_SILENTLY, HOOK_SHORTCUTS);
    case "channel":
      return launcherText(paths, "channel-claude-code", GONE_SILENTLY);
    case "mcp":
      return launcherText(paths, "mcp", GONE_SILENTLY);
    case "claude":
      return claudeText();
    default:
      return launcher satisfies never;
  }
}

/** Whether the launcher stands there as this version writes it. */
export function launcherState(paths: HomePaths, launcher: Launcher): "there" | "missing" | "outdated" {
  const file = launcherPath(paths, launcher);
  if (!existsSync(file)) return "missing";
  const isExecutable = (statSync(file).mode & 0o111) !== 0;
  return isExecutable && readFileSync(file, "utf8") === textOf(paths, launcher) ? "there" : "outdated";
}

/** Writes what is missing or outdated, and says which that was. */
export function writeLaunchers(paths: HomePaths, wanted: readonly Launcher[]): Launcher[] {
  ensurePrivateFolder(paths.bin);
  const changed = wanted.filter((launcher) => launcherState(paths, launcher) !== "there");
  for (const launcher of changed) writeFileAtomic(launcherPath(paths, launcher), textOf(paths, launcher), 0o755);
  return changed;
}

export function removeLaunchers(paths: HomePaths): void {
  if (!existsSync(paths.bin)) return;
  for (const name of Object.values(LAUNCHERS)) rmSync(join(paths.bin, name), { force: true });
  // Whatever else somebody has put there is not ours to remove.
  if (readdirSync(paths.bin).length === 0) rmdirSync(paths.bin);
}
