import { RepowireError } from "../protocol/index.ts";
import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex-config.ts";
import { gemini } from "./gemini.ts";
import { opencode } from "./opencode.ts";
import type { RuntimeSetup } from "./runtime-setup.ts";

/** Every agent CLI that setup knows, in the order in which it shows them. */
export const RUNTIME_SETUPS: readonly RuntimeSetup[] = [claudeCode, opencode, codex, gemini];

/** Without a name all of them are meant. */
export function runtimesNamed(name: string | undefined): readonly RuntimeSetup[] {
  if (name === undefined) return RUNTIME_SETUPS;
  const row = RUNTIME_SETUPS.find(({ runtime }) => runtime === name);
  if (row) return [row];
  const known = RUNTIME_SETUPS.map(({ runtime }) => runtime).join(", ");
  throw new RepowireError(
    "invalid_input",
    `repowire cannot set up "${name}". It can set up: ${known}. Other MCP clients can use the daemon at /mcp.`,
  );
}
