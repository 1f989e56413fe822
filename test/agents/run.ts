import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBundles } from "../../src/platform/bundle.ts";
import { createChecker, type Tally } from "./check.ts";
import { CLAUDE_VERSION, installClaude } from "./install.ts";
import { SCENES } from "./scenes/index.ts";
import { createWorld } from "./world.ts";

/**
 * The suite with real agent CLIs: each scene in a world of its own. Arguments choose scenes by a part of their name; `--list`
 * names them. The last line counts the checks.
 */
const SCENE_TIMEOUT_MS = 150_000;

async function main(): Promise<number> {
  const wanted = process.argv.slice(2).filter((word) => !word.startsWith("--"));
  const scenes = SCENES.filter((scene) => wanted.length === 0 || wanted.some((word) => scene.name.includes(word)));
  if (process.argv.includes("--list")) {
    for (const scene of scenes) console.log(scene.name);
    return 0;
  }
  if (Bun.which("tmux") === null) {
    console.log("tmux is missing; install it (apt-get install tmux) to run this suite.");
    console.log("0 passed, 1 failed");
    return 1;
  }
  const claude = installClaude();
  const bundles = mkdtempSync(join(tmpdir(), "rwb-"));
  await buildBundles(bundles);
  const tally: Tally = { passed: 0, failed: 0, notes: [] };
  console.log(`Claude Code ${CLAUDE_VERSION}, ${scenes.length} scenes`);
  for (const scene of scenes) {
    const startedAt = Date.now();
    console.log(`\n${scene.name}`);
    await runScene(scene, claude, bundles, tally);
    console.log(`       ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  }
  const left = Bun.spawnSync(["pgrep", "-f", bundles], { stdout: "pipe" }).stdout.toString().trim();
  if (left !== "") {
    tally.failed++;
    console.log(`(fail) processes outlived the scenes: ${left.split("\n").join(", ")}`);
  }
  rmSync(bundles, { recursive: true, force: true });
  console.log(`\n${tally.passed} passed, ${tally.failed} failed`);
  return tally.failed === 0 ? 0 : 1;
}

async function runScene(scene: (typeof SCENES)[number], claude: string, bundles: string, tally: Tally): Promise<void> {
  const checker = createChecker(tally, (line) => console.log(line));
  const world = await createWorld(claude, bundles);
  try {
    await Promise.race([
      scene.run(world, checker),
      Bun.sleep(SCENE_TIMEOUT_MS).then(() => {
        throw new Error(`the scene did not end within ${SCENE_TIMEOUT_MS / 1000} s`);
      }),
    ]);
  } catch (error) {
    checker.check("the scene ran to its end", false, error instanceof Error ? error.message : String(error));
  } finally {
    await world.close();
  }
}

process.exit(await main());
