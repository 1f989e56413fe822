import { createHash } from "node:crypto";
import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, BUN, hasSources, isBinary, programRoot } from "../platform/program.ts";
import { VERSION } from "../protocol/index.ts";

/** A program that can be put under `versions/`: the running one, or one that came from elsewhere. */
export interface ProgramSource {
  version: string;
  /** Names exactly the executable's build. */
  bun: string;
  /**
   * Bun for bundles, or the binary that is everything. Copied to the version's folder under its name; linked unless it is ours: a
   * package manager replaces files, but a download or a build may be written anew in place.
   */
  executable: { name: typeof BUN | typeof BINARY; file: string; isOurs?: boolean };
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
  return { version, bun: sha256(file), executable: { name: BINARY, file, isOurs: true }, fill: async () => {} };
}

async function fillFromHere(folder: string): Promise<void> {
  if (hasSources()) {
    const { buildBundles } = await import("../platform/bundle.ts");
    return buildBundles(folder);
  }
  copyBundles(programRoot(), folder, { withBytecode: true });
}

/** All files of a folder of bundles, but what belongs to one installation: its Bun and its manifest. */
export function copyBundles(from: string, to: string, options: { withBytecode: boolean }): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const { name } = entry;
    if (!entry.isFile() || name === BUN || name === MANIFEST || (name.endsWith(".jsc") && !options.withBytecode))
      continue;
    copyFileSync(join(from, name), join(to, name));
  }
}

/** A version's own file about itself. */
export const MANIFEST = "manifest.json";

export const sha256 = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");
