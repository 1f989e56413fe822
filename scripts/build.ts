import { join } from "node:path";
import { buildBundles } from "../src/platform/bundle.ts";

// Bundles for an installed repowire, into dist/.
await buildBundles(join(import.meta.dir, "..", "dist"));
