import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/**
 * How to start the parts of this program. It runs either from source (a checkout, an npm package) or as a bundle beside its
 * siblings in `~/.repowire/versions/V`.
 */

declare const REPOWIRE_BUNDLED: boolean | undefined;

export const isBundled: boolean = typeof REPOWIRE_BUNDLED !== "undefined" && REPOWIRE_BUNDLED;

export const ENTRIES = {
  cli: { source: "src/cli/main.ts", bundle: "cli.js" },
  hook: { source: "src/hooks/main.ts", bundle: "hook.js" },
  "channel-claude-code": { source: "channels/claude-code/main.ts", bundle: "channel-claude-code.js" },
  mcp: { source: "channels/tools/main.ts", bundle: "mcp.js" },
} as const;
export type Entry = keyof typeof ENTRIES;

/** Files that an agent CLI loads into its own process: they are built like the entries, but never started by us. */
export const PLUGINS = {
  "plugin-opencode": { source: "plugins/opencode/plugin.ts", bundle: "repowire-opencode.js" },
  "plugin-opencode-tui": { source: "plugins/opencode/tui.ts", bundle: "repowire-opencode-tui.js" },
} as const;
export type Plugin = keyof typeof PLUGINS;

/** The dashboard's files, as one file of an installed version. */
export const PAGE_BUNDLE = "dashboard.json";

/** The checkout or package when run from source, the version's folder when bundled. */
export function programRoot(): string {
  return isBundled ? dirname(resolve(Bun.main)) : resolve(import.meta.dir, "..", "..");
}

/** The file that replaces a foreign bunfig.toml. */
export function emptyBunfig(root: string = programRoot()): string {
  return isBundled ? join(root, "bunfig.toml") : join(root, "scripts", "empty-bunfig.toml");
}

/**
 * Starts Bun without what the current folder could make it run: no .env, no bunfig.toml (which can preload code), no automatic
 * install. `--config` has to be one word with its value.
 */
export function isolatedBun(bun: string, bunfig: string): string[] {
  return [bun, "--no-env-file", "--no-install", `--config=${bunfig}`];
}

/** The command line of one entry of this very program. */
export function entryCommand(entry: Entry): string[] {
  const root = programRoot();
  const file = join(root, isBundled ? ENTRIES[entry].bundle : ENTRIES[entry].source);
  return [...isolatedBun(process.execPath, emptyBunfig(root)), file];
}

/** Whether the sources stand here, so that bundles can be made. */
export const hasSources = (root: string = programRoot()): boolean =>
  !isBundled && existsSync(join(root, ENTRIES.cli.source));
