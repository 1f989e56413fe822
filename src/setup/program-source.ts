import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  BINARY,
  BUN,
  ENTRIES,
  emptyBunfig,
  hasSources,
  isBinary,
  PAGE_BUNDLE,
  PLUGINS,
  programRoot,
} from "../platform/program.ts";
import { VERSION } from "../protocol/index.ts";

/** A program that can be put under `versions/`: the running one, or one that came from elsewhere. */
export interface ProgramSource {
  version: string;
  /** Names exactly the executable's build. */
  bun: string;
  /** Bun for bundles, or the binary that is everything. Linked or copied to the version's folder under its name. */
  executable: { name: typeof BUN | typeof BINARY; file: string };
  /** Puts all other files into the folder. */
  fill(folder: string): Promise<void>;
}

/** This very program, in the form that it has. From source the bundles are made. */
export function ownProgram(): ProgramSource {
  if (isBinary) return binaryProgram(process.execPath, VERSION);
  return {
    version: VERSION,
    bun: `${Bun.version}+${Bun.revision}`,
    executable: { name: BUN, file: process.execPath },
    fill: fillFromHere,
  };
}

export function binaryProgram(file: string, version: string): ProgramSource {
  // It holds its files itself.
  return { version, bun: sha256(file), executable: { name: BINARY, file }, fill: async () => {} };
}

async function fillFromHere(folder: string): Promise<void> {
  if (hasSources()) {
    const { buildBundles } = await import("../platform/bundle.ts");
    return buildBundles(folder);
  }
  for (const { bundle } of [...Object.values(ENTRIES), ...Object.values(PLUGINS)]) {
    for (const file of [bundle, `${bundle}.jsc`]) {
      if (existsSync(join(programRoot(), file))) copyFileSync(join(programRoot(), file), join(folder, file));
    }
  }
  copyFileSync(join(programRoot(), PAGE_BUNDLE), join(folder, PAGE_BUNDLE));
  copyFileSync(emptyBunfig(), join(folder, "bunfig.toml"));
}

export const sha256 = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");
