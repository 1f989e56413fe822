import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildPage } from "./page.ts";
import { ENTRIES, type Entry, emptyBunfig, PAGE_BUNDLE, PLUGINS, type Plugin, programRoot } from "./program.ts";

/**
 * Makes the files that an installed repowire runs from: one self-contained script for each entry, with Bun's bytecode beside it
 * (it halves the start of a channel), the dashboard's files, and the empty bunfig.toml. Needs the sources.
 */
export async function buildBundles(folder: string, root: string = programRoot()): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Object.keys forgets the keys' type.
  for (const entry of Object.keys(ENTRIES) as Entry[]) {
    const result = await Bun.build({
      entrypoints: [join(root, ENTRIES[entry].source)],
      outdir: folder,
      naming: ENTRIES[entry].bundle,
      target: "bun",
      format: "cjs",
      bytecode: true,
      minify: { syntax: true, whitespace: true, identifiers: false },
      define: { REPOWIRE_BUNDLED: "true" },
      env: "disable",
    });
    if (!result.success) throw new Error(`bundling ${entry} failed: ${result.logs.map(String).join("; ")}`);
  }
  for (const plugin of Object.keys(PLUGINS) as Plugin[]) await buildPlugin(folder, root, plugin);
  writeFileSync(join(folder, PAGE_BUNDLE), JSON.stringify(await buildPage(root)));
  copyFileSync(emptyBunfig(root), join(folder, "bunfig.toml"));
}

/** A plugin is one ES module without imports; it runs on the agent CLI's own Bun, for which our bytecode would be void. */
async function buildPlugin(folder: string, root: string, plugin: Plugin): Promise<void> {
  const result = await Bun.build({
    entrypoints: [join(root, PLUGINS[plugin].source)],
    outdir: folder,
    naming: PLUGINS[plugin].bundle,
    target: "bun",
    format: "esm",
    minify: { syntax: true, whitespace: true, identifiers: false },
    define: { REPOWIRE_BUNDLED: "true" },
    env: "disable",
  });
  if (!result.success) throw new Error(`bundling ${plugin} failed: ${result.logs.map(String).join("; ")}`);
}
