import { chmodSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildBinary, buildBundles } from "../src/platform/bundle.ts";
import { BINARY } from "../src/platform/program.ts";

// Into dist/: the bundles of an installed repowire, and beside them the single binary that is all of it. `--target` takes Bun's name of
// another platform (bun-linux-arm64, bun-darwin-arm64); the binary's file is then named after it, and the bundles are left as they are.
// `--bundles` leaves the binary out: that is what the npm package carries, so that an update needs nothing but its tarball.
const { values } = parseArgs({
  options: { target: { type: "string" }, version: { type: "string" }, bundles: { type: "boolean" } },
});
const { target, version } = values;
const dist = join(import.meta.dir, "..", "dist");
if (target === undefined) await buildBundles(dist, { version });
if (!values.bundles) await makeBinary();

async function makeBinary(): Promise<void> {
  const binary = join(dist, "bin", target === undefined ? BINARY : target.replace(/^bun/, BINARY));
  await buildBinary(binary, { version, target });
  chmodSync(binary, 0o755);
}
