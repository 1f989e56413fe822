import { createHash } from "node:crypto";
import { z } from "zod";
import { LIMITS, RepowireError } from "../../protocol/index.ts";
import type { Environment } from "../runtime-setup.ts";

/** The npm registry over its own HTTP interface: no npm is needed, and no .npmrc of the current folder is read. */

const STANDARD = "https://registry.npmjs.org";
const ASK_MS = 20_000;
const DOWNLOAD_MS = 600_000;

const Package = z.object({
  version: z.string(),
  dist: z.object({ tarball: z.url({ protocol: /^https?$/ }), integrity: z.string() }),
});
export type Package = z.infer<typeof Package>;

/** As npm itself takes it from the environment. */
export function registryOf(env: Environment): string {
  return (env.npm_config_registry || env.NPM_CONFIG_REGISTRY || STANDARD).replace(/\/+$/, "");
}

/** What the registry knows of one version of a package: `latest`, or a number. */
export async function lookUp(registry: string, name: string, version: string): Promise<Package> {
  const url = `${registry}/${name.replace("/", "%2f")}/${version}`;
  const response = await get(url, ASK_MS);
  if (response.status === 404)
    throw new RepowireError("not_found", `${registry} has no ${name} (${version}). ${OFFLINE}`);
  if (!response.ok) throw unreachable(url, `it answered ${response.status}`);
  const found = Package.safeParse(await response.json().catch(() => undefined));
  if (!found.success) throw unreachable(url, "its answer is not that of an npm registry");
  return found.data;
}

/** The package's tarball, once its sha512 is what the registry says. */
export async function download(name: string, { version, dist }: Package): Promise<Uint8Array> {
  const wanted = dist.integrity.split(/\s+/).find((hash) => hash.startsWith("sha512-"));
  if (!wanted)
    throw new RepowireError("unavailable", `The registry gives no sha512 for ${name} ${version}; it is not installed.`);
  const response = await get(dist.tarball, DOWNLOAD_MS);
  if (!response.ok || !response.body) throw unreachable(dist.tarball, `it answered ${response.status}`);
  const bytes = await readAll(response.body, dist.tarball);
  const found = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  if (found === wanted.split("?")[0]) return bytes;
  throw new RepowireError(
    "unavailable",
    `What came from ${dist.tarball} is not what the registry announced (its sha512 differs). Nothing was installed. Try again; if it stays so, something between here and the registry changes it.`,
  );
}

async function readAll(body: ReadableStream<Uint8Array>, url: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of body) {
      size += part.byteLength;
      if (size > LIMITS.programBytesMax)
        throw new RepowireError(
          "unavailable",
          `${url} has more than ${LIMITS.programBytesMax} bytes, which no program of repowire has.`,
        );
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof RepowireError) throw error;
    throw unreachable(url, error instanceof Error ? error.message : String(error));
  }
  return Buffer.concat(parts);
}

async function get(url: string, timeoutMs: number): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    throw unreachable(url, error instanceof Error ? error.message : String(error));
  }
}

const OFFLINE = "A file does as well: repowire update --from TARBALL, FOLDER or BINARY.";

function unreachable(url: string, why: string): RepowireError {
  return new RepowireError("unavailable", `${url} could not be read: ${why}. ${OFFLINE}`);
}
