/** What this OpenCode process is. Its plugins are started for every command, also for those that only list models. */

export type ProcessKind = "tui" | "serve" | "run" | "side";

export interface StartedAs {
  kind: ProcessKind;
  /** It began with a session of before: which one is on the screen, only the screen tells. */
  isResumed: boolean;
  /** The agent and model that its command line names. */
  agent?: string;
  model?: string;
}

/** Options of OpenCode 1.18.33 that take the next word as their value. */
const WITH_VALUE = new Set([
  "--model",
  "-m",
  "--session",
  "-s",
  "--prompt",
  "--agent",
  "--port",
  "--hostname",
  "--mdns-domain",
  "--cors",
  "--log-level",
  "--variant",
]);
/** Commands that serve clients for as long as they run. */
const SERVERS = new Set(["serve", "web"]);
/** All its other commands (1.18.33); a word that is none of them is the folder of a TUI. */
const SIDE = new Set([
  "acp",
  "agent",
  "attach",
  "auth",
  "completion",
  "console",
  "db",
  "debug",
  "export",
  "generate",
  "github",
  "import",
  "mcp",
  "models",
  "plug",
  "plugin",
  "pr",
  "providers",
  "session",
  "stats",
  "uninstall",
  "upgrade",
]);

/**
 * Judges by the command line of the process, as the system has it: a TUI's plugins live in a worker thread, whose own arguments
 * say nothing (`isWorker`: the thread is that worker, so this is a TUI whatever the words say).
 */
export function startedAs(words: readonly string[], isWorker: boolean): StartedAs {
  const given = words.slice(1);
  const positional: string[] = [];
  const values = new Map<string, string>();
  let isResumed = false;
  for (let i = 0; i < given.length; i++) {
    const [name = "", inline] = splitOption(given[i] ?? "");
    if (!name.startsWith("-")) {
      positional.push(name);
      continue;
    }
    if (["--continue", "-c", "--session", "-s"].includes(name)) isResumed = true;
    if (inline !== undefined) values.set(name, inline);
    else if (WITH_VALUE.has(name)) values.set(name, given[++i] ?? "");
  }
  return {
    kind: isWorker ? "tui" : kindOf(positional[0]),
    isResumed,
    agent: values.get("--agent"),
    model: values.get("--model") ?? values.get("-m"),
  };
}

function splitOption(word: string): [string, string?] {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  return at > 0 ? [word.slice(0, at), word.slice(at + 1)] : [word];
}

function kindOf(command: string | undefined): ProcessKind {
  if (command === "run") return "run";
  if (command !== undefined && SERVERS.has(command)) return "serve";
  // On the main thread there is no TUI; what is not known is no session of a person.
  return command === undefined || !SIDE.has(command) ? "tui" : "side";
}

/** Whether this process sits at the mesh. Headless runs do only if their user says so. */
export function isPeer(kind: ProcessKind, env: Record<string, string | undefined>): boolean {
  if (env.REPOWIRE_PEER === "0" || kind === "side") return false;
  return kind !== "run" || env.REPOWIRE_PEER === "1";
}
