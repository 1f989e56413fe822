import { existsSync } from "node:fs";
import { join } from "node:path";
import { readSmallFile } from "../../platform/read-small.ts";

/**
 * In which permission mode a session starts, before any hook or transcript can tell: the command line, else the first settings
 * file that names one, strongest first. A session that runs without permission prompts must be known as such before the
 * first message reaches it.
 */
export function startMode(
  args: readonly string[],
  configDir: string,
  projectDir: string | undefined,
): string | undefined {
  if (args.includes("--dangerously-skip-permissions")) return "bypassPermissions";
  const named = optionValue(args, "--permission-mode");
  if (named) return named;
  const given = optionValue(args, "--settings");
  const files = [
    "/etc/claude-code/managed-settings.json",
    ...(given && !given.trimStart().startsWith("{") ? [given] : []),
    ...(projectDir
      ? [join(projectDir, ".claude", "settings.local.json"), join(projectDir, ".claude", "settings.json")]
      : []),
    join(configDir, "settings.json"),
  ];
  const inline = given?.trimStart().startsWith("{") ? defaultMode(given) : undefined;
  return inline ?? files.map(readMode).find((mode) => mode !== undefined);
}

function optionValue(args: readonly string[], name: string): string | undefined {
  const joined = args.find((arg) => arg.startsWith(`${name}=`));
  if (joined) return joined.slice(name.length + 1);
  const index = args.indexOf(name);
  return index >= 0 ? args[index + 1] : undefined;
}

/** A project may bring its own settings, and anything in their place. */
const SETTINGS_BYTES_MAX = 1_000_000;

function readMode(file: string): string | undefined {
  try {
    return existsSync(file) ? defaultMode(readSmallFile(file, SETTINGS_BYTES_MAX)) : undefined;
  } catch {
    // Not ours to mend; the CLI itself complains about its settings.
    return undefined;
  }
}

function defaultMode(text: string): string | undefined {
  try {
    const settings: unknown = JSON.parse(text);
    const permissions =
      typeof settings === "object" && settings && "permissions" in settings ? settings.permissions : undefined;
    const mode =
      typeof permissions === "object" && permissions && "defaultMode" in permissions
        ? permissions.defaultMode
        : undefined;
    return typeof mode === "string" ? mode : undefined;
  } catch {
    return undefined;
  }
}
