import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { HomePaths } from "../../platform/paths.ts";
import { BUN, ENTRIES, ENTRY_WORD, entryOf, FACTS, PLATFORM } from "../../platform/program.ts";
import { runBriefly } from "../../platform/run.ts";
import { RepowireError } from "../../protocol/index.ts";
import { binaryProgram, copyBundles, type ProgramSource } from "../program-source.ts";
import type { Environment } from "../runtime-setup.ts";
import { findBun } from "./bun.ts";
import { download, lookUp, registryOf } from "./registry.ts";
import { readTarball } from "./tarball.ts";

/** A version that can be installed. What is downloaded or unpacked for it is put into a scratch folder of the caller's. */
export interface Offer {
  version: string;
  /** As people are told: a registry's address, a path. */
  from: string;
  /** Fetches and checks all of it. */
  open(scratch: string): Promise<ProgramSource>;
}

export interface OfferContext {
  paths: HomePaths;
  env: Environment;
}

export const PACKAGE = "repowire";

/** It becomes the name of a folder. */
const Version = z.string().regex(/^\d+\.\d+\.\d+(?:[-+][\w.+-]*)?$/);
const Facts = z.object({ version: Version, bun: z.string(), platform: z.string() });

const ASK_MS = 20_000;

/** The newest version that the registry has. */
export async function registryOffer(context: OfferContext): Promise<Offer> {
  const registry = registryOf(context.env);
  const found = await lookUp(registry, PACKAGE, "latest");
  const { version } = found;
  if (!Version.safeParse(version).success)
    throw new RepowireError("unavailable", `${registry} names a version that is none: ${JSON.stringify(version)}.`);
  return {
    version,
    from: registry,
    async open(scratch) {
      const bytes = await download(PACKAGE, found);
      const source = await unpacked(context, bytes, found.dist.tarball, scratch);
      if (source.version === version) return source;
      throw new RepowireError(
        "unavailable",
        `${found.dist.tarball} holds ${source.version}, announced as ${version}. Nothing was installed.`,
      );
    },
  };
}

/** What stands at a path: a folder of bundles or one around it, a packed npm package, or a binary. */
export async function fileOffer(context: OfferContext, path: string): Promise<Offer> {
  const from = resolve(path);
  const info = statSync(from, { throwIfNoEntry: false });
  if (!info) throw new RepowireError("not_found", `There is no ${from}.`);
  if (info.isDirectory()) return folderOffer(context, from);
  const start = firstBytes(from);
  if (start.startsWith("1f8b")) {
    const bytes = new Uint8Array(readFileSync(from));
    const { version } = factsIn((await bundlesIn(bytes, from)).get(FACTS), from);
    return { version, from, open: (scratch) => unpacked(context, bytes, from, scratch) };
  }
  if (!PROGRAM_STARTS.some((known) => start.startsWith(known)))
    throw notOurs(from, "it is no program, folder or tarball");
  const facts = await askFacts([from, `${ENTRY_WORD}cli`]);
  if (!facts) throw notOurs(from, "it does not start here, or is another program");
  const { version } = facts;
  return { version, from, open: async () => binaryProgram(from, version) };
}

/** ELF, and Mach-O in its 64-bit and its many-processors form. */
const PROGRAM_STARTS = ["7f454c46", "cffaedfe", "cafebabe"];

function firstBytes(file: string): string {
  const descriptor = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(4);
    readSync(descriptor, bytes, 0, bytes.length, 0);
    return bytes.toString("hex");
  } finally {
    closeSync(descriptor);
  }
}

function folderOffer(context: OfferContext, from: string): Offer {
  const folder = [from, join(from, "dist")].find((at) => existsSync(join(at, FACTS)));
  if (!folder) throw notOurs(from, `there is no ${FACTS} in it; a checkout is built with \`npm run build\``);
  const { version } = factsIn(readFileSync(join(folder, FACTS)), folder);
  return { version, from, open: (scratch) => bundleProgram(context, folder, from, scratch) };
}

const BUNDLED = /^[^/]+\/dist\/[\w.-]+$/;
const bundlesIn = (bytes: Uint8Array, from: string) => readTarball(bytes, from, BUNDLED);

async function unpacked(
  context: OfferContext,
  bytes: Uint8Array,
  from: string,
  scratch: string,
): Promise<ProgramSource> {
  const folder = join(scratch, "bundles");
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of await bundlesIn(bytes, from)) writeFileSync(join(folder, name), content);
  return bundleProgram(context, folder, undefined, scratch);
}

async function bundleProgram(
  { paths, env }: OfferContext,
  folder: string,
  beside: string | undefined,
  scratch: string,
): Promise<ProgramSource> {
  const facts = factsIn(existsSync(join(folder, FACTS)) ? readFileSync(join(folder, FACTS)) : undefined, folder);
  const missing = Object.values(ENTRIES).find(({ bundle }) => !existsSync(join(folder, bundle)));
  if (missing) throw notOurs(folder, `${missing.bundle} is missing`);
  const file = await findBun(facts.bun, { paths, env, beside, scratch });
  return {
    version: facts.version,
    bun: facts.bun,
    executable: { name: BUN, file },
    fill: async (into) => copyBundles(folder, into, { withBytecode: facts.platform === PLATFORM }),
  };
}

function factsIn(content: Uint8Array | undefined, from: string): z.infer<typeof Facts> {
  try {
    return Facts.parse(JSON.parse(new TextDecoder().decode(content)));
  } catch {
    throw notOurs(from, `there is no readable ${FACTS} in it`);
  }
}

/** What a program says about itself when it is started. */
const Said = z.object({ program: z.literal(PACKAGE), version: Version, schema: z.number().int() });

/** The form of the database that the version in this folder knows, and its version; undefined when it does not start. */
export const factsOf = (folder: string): Promise<z.infer<typeof Said> | undefined> => askFacts(entryOf(folder, "cli"));

async function askFacts(cli: string[]): Promise<z.infer<typeof Said> | undefined> {
  try {
    const result = await runBriefly([...cli, "program", "facts"], { cwd: "/", timeoutMs: ASK_MS });
    return result?.code === 0 ? Said.parse(JSON.parse(result.out)) : undefined;
  } catch {
    // It cannot be started on this machine, or it is something else.
    return undefined;
  }
}

function notOurs(from: string, why: string): RepowireError {
  return new RepowireError(
    "invalid_input",
    `${from} is no version of repowire: ${why}. --from takes what \`npm run build\` or \`npm pack\` made: a folder, a tarball or the binary.`,
  );
}
