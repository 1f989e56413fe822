import { homedir } from "node:os";
import { geminiConfigDir, isGeminiPeer } from "../../platform/gemini-command.ts";
import { GATE_TEXTS, soleTag, tagsIn } from "../../words/gemini.ts";
import type { HookRuntime } from "./runtime.ts";

export const gemini: HookRuntime = {
  isPeer: (env) => isGeminiPeer(env, process.ppid),
  // The hook is the CLI's own child, since its command is a single one (0.61.0).
  describe: (env) => ({
    pid: process.ppid,
    config_dir: geminiConfigDir(env, homedir()),
    project_dir: env.GEMINI_PROJECT_DIR,
    tmux: env.TMUX,
  }),
  // Responses of model and tools can be megabytes, and are not what they seem: the transcript has the answer.
  unread: ["prompt_response", "tool_response", "tool_input", "llm_request", "llm_response"],
  waitsForVerdict: () => false,
  /** Without the daemon nobody can say what a tag stands for: a prompt that holds one goes no further. */
  insist(event, input, isReached) {
    const prompt = typeof input === "object" && input && "prompt" in input ? input.prompt : undefined;
    if (event !== "BeforeAgent" || typeof prompt !== "string") return undefined;
    const handle = isReached ? soleTag(prompt) : tagsIn(prompt)[0];
    return handle === undefined ? undefined : { decision: "deny", reason: GATE_TEXTS.noDaemon(handle) };
  },
};
