import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/**
 * How to start the parts of this program. It runs from source (a checkout, an npm package), as a bundle beside its siblings in
 * `~/.repowire/versions/V`, or as one binary that holds them all.
 */

declare const REPOWIRE_BUNDLED: boolean | undefined;
declare const REPOWIRE_BINARY: boolean | undefined;

export const isBundled: boolean = typeof REPOWIRE_BUNDLED !== "undefined" && REPOWIRE_BUNDLED;
/** A binary is bundled too. */
export const isBinary: boolean = typeof REPOWIRE_BINARY !== "undefined" && REPOWIRE_BINARY;

/** Name of the binary in a version's folder; of Bun, where that holds bundles. */
export const BINARY = "repowire";
export const BUN = "bun";

/** The binary's first word says which part of it is wanted; without it, it is the command line. */
export const ENTRY_WORD = "--entry=";
/** The folder inside the binary with the files that the program reads. */
export const EMBEDDED = "program";

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

/** What a folder of bundles says about itself. */
export const FACTS = "program.json";

/** Bytecode is void on another system or processor; the scripts beside it are not. */
export const PLATFORM = `${process.platform}-${process.arch}`;

/** The checkout or package when run from source, the version's folder when bundled, a folder inside the binary. */
export function programRoot(): string {
  if (isBinary) return join(dirname(Bun.main), EMBEDDED);
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
  if (isBinary) return [process.execPath, ENTRY_WORD + entry];
  const root = programRoot();
  const file = join(root, isBundled ? ENTRIES[entry].bundle : ENTRIES[entry].source);
  return [...isolatedBun(process.execPath, emptyBunfig(root)), file];
}

/** Whether the sources stand here, so that bundles can be made. */
export const hasSources = (root: string = programRoot()): boolean =>
  !isBundled && existsSync(join(root, ENTRIES.cli.source));

/** The command line of one entry of the version in this folder, whichever form it has. */
export function entryOf(folder: string, entry: Entry): string[] {
  const binary = join(folder, BINARY);
  if (existsSync(binary)) return [binary, ENTRY_WORD + entry];
  return [...isolatedBun(join(folder, BUN), join(folder, "bunfig.toml")), join(folder, ENTRIES[entry].bundle)];
}
