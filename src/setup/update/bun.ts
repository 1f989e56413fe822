import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HomePaths } from "../../platform/paths.ts";
import { BUN, isBinary } from "../../platform/program.ts";
import { runBriefly } from "../../platform/run.ts";
import { RepowireError } from "../../protocol/index.ts";
import { manifestIn } from "../install.ts";
import type { Environment } from "../runtime-setup.ts";
import { download, lookUp, registryOf } from "./registry.ts";
import { readTarball } from "./tarball.ts";

const ASK_MS = 20_000;

export interface BunSearch {
  paths: HomePaths;
  env: Environment;
  /** Where one may stand in `node_modules`, because the program came from there. */
  beside: string | undefined;
  /** Where one may be put. */
  scratch: string;
}

/** The Bun that bundles were made for ("1.4.5+a7733435c…"): this one, an installed one, one beside them, or one from the registry. */
export async function findBun(wanted: string, { paths, env, beside, scratch }: BunSearch): Promise<string> {
  if (!isBinary && wanted === `${Bun.version}+${Bun.revision}`) return process.execPath;
  const installed = installedBun(paths, wanted);
  if (installed) return installed;
  for (const file of beside ? inModules(beside) : []) {
    if (await isBun(file, wanted)) return file;
  }
  const name = `@oven/${bunPackage()}`;
  const version = wanted.split("+")[0] ?? "";
  const bytes = await download(name, await lookUp(registryOf(env), name, version));
  const [content] = (await readTarball(bytes, name, /^[^/]+\/bin\/bun$/)).values();
  if (!content) throw new RepowireError("unavailable", `${name} ${version} holds no bin/bun.`);
  mkdirSync(scratch, { recursive: true });
  const file = join(scratch, BUN);
  writeFileSync(file, content, { mode: 0o755 });
  if (await isBun(file, wanted)) return file;
  throw new RepowireError(
    "unavailable",
    `${name} ${version} is not the Bun that this version was built with (${wanted}), or does not start here.`,
  );
}

function installedBun(paths: HomePaths, wanted: string): string | undefined {
  if (!existsSync(paths.versions)) return undefined;
  return readdirSync(paths.versions)
    .filter((name) => manifestIn(join(paths.versions, name))?.bun === wanted)
    .map((name) => join(paths.versions, name, BUN))
    .find((file) => existsSync(file));
}

/** As npm lays it out for the program's folder or the package around it. */
function inModules(folder: string): string[] {
  return [folder, dirname(folder), dirname(dirname(folder))].flatMap((at) => {
    const scope = join(at, "node_modules", "@oven");
    const platform = existsSync(scope) ? readdirSync(scope).map((name) => join(scope, name, "bin", "bun")) : [];
    return [join(at, "node_modules", "bun", "bin", "bun.exe"), ...platform].filter((file) => existsSync(file));
  });
}

/** Bun tells its revision's first characters only. */
async function isBun(file: string, wanted: string): Promise<boolean> {
  try {
    const result = await runBriefly([file, "--revision"], { cwd: "/", timeoutMs: ASK_MS });
    const said = result?.code === 0 ? result.out.trim() : "";
    return /^\d+\.\d+\.\d+\S*\+[0-9a-f]{7,}$/.test(said) && wanted.startsWith(said);
  } catch {
    // For another system, or no program at all.
    return false;
  }
}

/** As Bun names its packages: musl and processors without AVX2 have builds of their own. */
function bunPackage(): string {
  const arch = process.arch === "arm64" ? "aarch64" : process.arch;
  const isLinux = process.platform === "linux";
  const musl = isLinux && existsSync(`/lib/ld-musl-${arch === "x64" ? "x86_64" : arch}.so.1`) ? "-musl" : "";
  const needsBaseline = isLinux && arch === "x64" && !readFileSync("/proc/cpuinfo", "utf8").includes(" avx2 ");
  return `bun-${process.platform}-${arch}${musl}${needsBaseline ? "-baseline" : ""}`;
}
