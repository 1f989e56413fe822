import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export interface PinnedCli {
  package: string;
  version: string;
  /** Its command in `node_modules/.bin`. */
  binary: string;
}

/** Installs a real CLI from npm into a cache outside the repository, once, and returns its command. */
export function installCli(cli: PinnedCli): string {
  const cache = process.env.REPOWIRE_AGENT_CACHE || join(homedir(), ".cache", "repowire-agents");
  const folder = join(cache, `${cli.package.split("/").at(-1)}-${cli.version}`);
  const binary = join(folder, "node_modules", ".bin", cli.binary);
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true });
    const result = Bun.spawnSync(
      ["npm", "install", "--no-audit", "--no-fund", "--prefix", folder, `${cli.package}@${cli.version}`],
      { stdout: "inherit", stderr: "inherit" },
    );
    if (result.exitCode !== 0 || !existsSync(binary))
      throw new Error(`${cli.package} ${cli.version} could not be installed from npm`);
  }
  return binary;
}

/** The version that the scenes are written for; another one by REPOWIRE_CLAUDE_VERSION. */
export const CLAUDE_VERSION = process.env.REPOWIRE_CLAUDE_VERSION || "2.1.330";

export const installClaude = (): string =>
  installCli({ package: "@anthropic-ai/claude-code", version: CLAUDE_VERSION, binary: "claude" });
