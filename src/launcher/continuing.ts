import type { SpawnRuntime } from "../protocol/index.ts";

/**
 * How a runtime's own command goes on with a conversation, and which words of its first start were for that start alone: what chose
 * a conversation then, and a prompt, which would be done a second time. Options as of Claude Code 2.1.330, Codex 0.169.0,
 * Gemini CLI 0.61.0, OpenCode 1.18.33.
 */
interface Continuing {
  /** What its ids look like. They come from sessions: nothing else is put on a command line. */
  id: RegExp;
  args(id: string, rest: readonly string[]): string[];
  /** Options that choose or begin a conversation. */
  chooses: ReadonlySet<string>;
  /** Options that take the next word; `several`: all up to the next option. */
  valued: ReadonlySet<string>;
  several: ReadonlySet<string>;
  /** How it says that it has no such conversation. */
  nothing: RegExp;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

export const CONTINUING: Readonly<Record<SpawnRuntime, Continuing>> = {
  "claude-code": {
    id: UUID,
    args: (id, rest) => [...rest, "--resume", id],
    chooses: words(
      "-c --continue -r --resume --session-id --fork-session --from-pr --teleport --cloud -p --print --bg --background -w --worktree --tmux",
    ),
    valued: words(
      "--agent --agents --append-system-prompt --autocompact -d --debug --debug-file --effort --environment --fallback-model --input-format --json-schema --max-budget-usd --model -n --name --output-format --permission-mode --permission-prompts --plugin-dir --plugin-url --prompt-suggestions --remote-control --remote-control-session-name-prefix --setting-sources --settings --system-prompt --system-prompt-snapshot",
    ),
    several: words(
      "--add-dir --allowedTools --allowed-tools --betas --disallowedTools --disallowed-tools --mcp-config --tools",
    ),
    nothing: /No conversation found with session ID/i,
  },
  codex: {
    id: UUID,
    args: (id, rest) => ["resume", id, ...rest],
    chooses: words("--last --all --include-non-interactive --worktree"),
    valued: words(
      "-c --config --enable --disable -m --model --local-provider -p --profile -s --sandbox -a --ask-for-approval -C --cd --add-dir --remote --remote-auth-token-env",
    ),
    several: words("-i --image"),
    nothing: /No saved session found|no rollout found/i,
  },
  gemini: {
    id: UUID,
    args: (id, rest) => [...rest, "--resume", id],
    chooses: words("-r --resume --session-file --session-id -i --prompt-interactive -p --prompt -w --worktree"),
    valued: words("-m --model --approval-mode -o --output-format"),
    several: words(
      "--policy --admin-policy --allowed-mcp-server-names --allowed-tools -e --extensions --include-directories",
    ),
    nothing: /Invalid session identifier|No previous sessions found/i,
  },
  opencode: {
    id: /^ses_[A-Za-z0-9]+$/,
    args: (id, rest) => [...rest, "--session", id],
    chooses: words("-c --continue -s --session --fork --prompt"),
    valued: words("-m --model --agent --port --hostname --mdns-domain --log-level --replay-limit"),
    several: words("--cors"),
    nothing: /Session not found/i,
  },
};

/** A person's own arguments for another start. A word of its own is a prompt or a subcommand, unless it is an option's value. */
export function againArgs(runtime: SpawnRuntime, args: readonly string[]): string[] {
  const { chooses, valued, several } = CONTINUING[runtime];
  const kept: string[] = [];
  let values = 0;
  for (const word of args) {
    if (word === "--") break;
    const isOption = word.startsWith("-");
    const name = word.split("=", 1)[0] ?? word;
    if (isOption ? !chooses.has(name) : values > 0) kept.push(word);
    if (!isOption) values--;
    else values = several.has(word) ? Number.POSITIVE_INFINITY : valued.has(word) ? 1 : 0;
  }
  return kept;
}
