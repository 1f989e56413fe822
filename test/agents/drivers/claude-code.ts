import { join } from "node:path";
import { processInfo } from "../../../src/platform/process.ts";
import { transcriptEntries } from "../../support/claude-cli.ts";
import type { AgentDriver, TranscriptEntry } from "../driver.ts";
import { CLAUDE_VERSION, installClaude } from "../install.ts";

const DIALOG = /Do you want to (?:proceed|create|make)/;
/** The composer's line begins with the prompt sign and a space that does not break. */
const COMPOSER = /^❯[\u00a0 ](.*)$/gm;

export const claudeCode: AgentDriver = {
  runtime: "claude-code",
  version: CLAUDE_VERSION,
  install: installClaude,
  async start(world, name, options) {
    const session = await world.session(name, {
      model: options.model,
      channel: true,
      folder: options.folder,
      env: options.env,
      allow: options.allowShell ? ["Bash"] : [],
    });
    const home = join(world.root, "u", name);
    // The CLI's record goes with its process; the transcript stays.
    let conversation = session.record()?.sessionId ?? "";
    return {
      name,
      runtime: "claude-code",
      api: session.api,
      pid: session.pid,
      screen: session.screen,
      type: session.type,
      press: session.press,
      interrupt: async () => session.press("Escape"),
      write: (text) => world.terminal.write(name, text),
      idle: session.idle,
      dialog: async (timeoutMs) =>
        void (await world.until(`a permission dialog of ${name}`, () => DIALOG.test(session.screen()), timeoutMs)),
      isDialogOpen: () => DIALOG.test(session.screen()),
      allowOnce: () => session.press("Enter"),
      draft: () => [...session.screen().matchAll(COMPOSER)].at(-1)?.[1]?.trim() ?? "",
      clearDraft: () => session.press("C-u"),
      transcript() {
        conversation = session.record()?.sessionId ?? conversation;
        return transcriptEntries(home, conversation).flatMap(entriesOf);
      },
      settings: () => settingsOf(transcriptEntries(home, session.record()?.sessionId ?? conversation)),
      async kill() {
        process.kill(session.pid, "SIGKILL");
        await world.until(`${name} is gone`, () => processInfo(session.pid) === undefined);
      },
    };
  },
};

interface Block {
  type?: string;
  text?: string;
  content?: unknown;
}

/** What the model was shown or said, by the entries of the CLI's own log (2.1.330); the rest of it is notes for the screen. */
function entriesOf(entry: Record<string, unknown>): TranscriptEntry[] {
  const message = entry.message as { content?: unknown } | undefined;
  if (entry.isSidechain === true || entry.isApiErrorMessage === true) return [];
  if (entry.type === "attachment") {
    const attachment = entry.attachment as { type?: string; prompt?: unknown; content?: unknown; origin?: Origin };
    if (attachment.type === "queued_command")
      return [{ from: "input", text: textOf(attachment.prompt), place: placeOf(attachment.origin) }];
    if (attachment.type === "hook_additional_context")
      return [{ from: "input", text: textOf(attachment.content), place: "hook" }];
    return [];
  }
  const blocks = blocksOf(message?.content);
  if (entry.type === "assistant") return [{ from: "model", text: textOf(blocks) }];
  if (entry.type !== "user") return [];
  const results = blocks.filter((block) => block.type === "tool_result");
  if (results.length > 0) return results.map((block) => ({ from: "tool_result", text: textOf(block.content) }));
  return [{ from: "input", text: textOf(blocks), place: placeOf(entry.origin as Origin | undefined) }];
}

interface Origin {
  kind?: string;
  server?: string;
}

const placeOf = (origin: Origin | undefined): string | undefined =>
  origin?.kind === "channel" ? `channel ${origin.server}` : origin?.kind === "peer" ? "peer" : undefined;

function settingsOf(entries: readonly Record<string, unknown>[]): string[] {
  const models = entries.flatMap((entry) => {
    const model = (entry.message as { model?: string } | undefined)?.model;
    return entry.type === "assistant" && entry.isSidechain !== true && model && model !== "<synthetic>" ? [model] : [];
  });
  const modes = entries.flatMap((entry) => (typeof entry.permissionMode === "string" ? [entry.permissionMode] : []));
  return [...new Set([...models.map((model) => `model ${model}`), ...modes.map((mode) => `mode ${mode}`)])];
}

const blocksOf = (content: unknown): Block[] =>
  typeof content === "string" ? [{ type: "text", text: content }] : Array.isArray(content) ? (content as Block[]) : [];

const textOf = (content: unknown): string =>
  blocksOf(content)
    .map((block) => (typeof block === "string" ? block : (block.text ?? "")))
    .join("\n");
