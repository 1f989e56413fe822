import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BuildConfig, BunPlugin } from "bun";
import { VERSION } from "../protocol/version.ts";
import { buildPage } from "./page.ts";
import {
  EMBEDDED,
  ENTRIES,
  type Entry,
  emptyBunfig,
  FACTS,
  PAGE_BUNDLE,
  PLATFORM,
  PLUGINS,
  type Plugin,
  programRoot,
} from "./program.ts";

export interface BuildOptions {
  /** The checkout. */
  root?: string;
  /** What it calls itself, instead of the version in package.json. */
  version?: string;
}

const MINIFY = { syntax: true, whitespace: true, identifiers: false } as const;

const definitions = (version: string | undefined, more: Record<string, string> = {}): Record<string, string> => ({
  REPOWIRE_BUNDLED: "true",
  ...(version === undefined ? {} : { REPOWIRE_VERSION: JSON.stringify(version) }),
  ...more,
});

/**
 * Makes the files that an installed repowire runs from: one self-contained script for each entry, with Bun's bytecode beside it
 * (it halves the start of a channel), the dashboard's files, and the empty bunfig.toml. Needs the sources.
 */
export async function buildBundles(
  folder: string,
  { root = programRoot(), version }: BuildOptions = {},
): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Object.keys forgets the keys' type.
  for (const entry of Object.keys(ENTRIES) as Entry[]) {
    await build(entry, {
      entrypoints: [join(root, ENTRIES[entry].source)],
      outdir: folder,
      naming: ENTRIES[entry].bundle,
      target: "bun",
      format: "cjs",
      bytecode: true,
      minify: MINIFY,
      define: definitions(version),
      env: "disable",
    });
  }
  await buildFiles(folder, root, version);
  copyFileSync(emptyBunfig(root), join(folder, "bunfig.toml"));
  const facts = { version: version ?? VERSION, bun: `${Bun.version}+${Bun.revision}`, platform: PLATFORM };
  writeFileSync(join(folder, FACTS), `${JSON.stringify(facts)}\n`);
}

/** What the program reads while it runs. */
async function buildFiles(folder: string, root: string, version: string | undefined): Promise<void> {
  for (const plugin of Object.keys(PLUGINS) as Plugin[]) await buildPlugin(folder, root, plugin, version);
  writeFileSync(join(folder, PAGE_BUNDLE), JSON.stringify(await buildPage(root)));
}

/** A plugin is one ES module without imports; it runs on the agent CLI's own Bun, for which our bytecode would be void. */
async function buildPlugin(folder: string, root: string, plugin: Plugin, version: string | undefined): Promise<void> {
  await build(plugin, {
    entrypoints: [join(root, PLUGINS[plugin].source)],
    outdir: folder,
    naming: PLUGINS[plugin].bundle,
    target: "bun",
    format: "esm",
    minify: MINIFY,
    define: definitions(version),
    env: "disable",
  });
}

/**
 * Makes the single binary: all entries and files, and Bun. It reads neither the .env nor the bunfig.toml of the folder that it is
 * started in. In chunks, so that a hook loads the hook alone. `target` is Bun's name of another platform, whose Bun is fetched then.
 */
export async function buildBinary(
  file: string,
  { root = programRoot(), version, target }: BuildOptions & { target?: string } = {},
): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "repowire-build-"));
  try {
    const files = join(scratch, EMBEDDED);
    mkdirSync(files);
    await buildFiles(files, root, version);
    await build("the binary", {
      entrypoints: [join(root, "src", "binary", "main.ts")],
      target: "bun",
      format: "esm",
      splitting: true,
      bytecode: true,
      minify: MINIFY,
      define: definitions(version, { REPOWIRE_BINARY: "true" }),
      env: "disable",
      compile: {
        // The types know Bun's targets by their names; which there are is Bun's to say.
        ...(target === undefined ? {} : { target: target as Bun.Build.CompileTarget }),
        outfile: file,
        assets: [files],
        autoloadDotenv: false,
        autoloadBunfig: false,
        autoloadTsconfig: false,
        autoloadPackageJson: false,
      },
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * The MCP SDK (1.32.2) makes a compiler of JSON schemas (ajv) with every server, for forms that a server may ask the client to fill.
 * repowire asks for none; without it a channel is a third smaller.
 */
const withoutSchemaCompiler: BunPlugin = {
  name: "without the SDK's compiler of JSON schemas",
  setup(build) {
    build.onLoad({ filter: /modelcontextprotocol\/sdk\/dist\/esm\/validation\/ajv-provider\.js$/ }, () => ({
      loader: "js",
      contents:
        "export class AjvJsonSchemaValidator { getValidator() { throw new Error('this bundle has no compiler of JSON schemas'); } }",
    }));
  },
};

async function build(what: string, config: BuildConfig): Promise<void> {
  const result = await Bun.build({ ...config, plugins: [withoutSchemaCompiler] });
  if (!result.success) throw new Error(`bundling ${what} failed: ${result.logs.map(String).join("; ")}`);
}
