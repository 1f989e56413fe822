import type { SpawnRuntime } from "../protocol/index.ts";

/** What the launcher must know of a runtime's command. Screens as of Claude Code 2.1.330, Codex 0.169.0, Gemini CLI 0.61.0, OpenCode 1.18.33. */
export interface RuntimeCommand {
  command: string;
  /** Dialogs that only a person answers, and what to do. They are never answered from here. */
  dialogs: readonly { screen: RegExp; asks: string }[];
}

const TRUST = (command: string) =>
  `it asks whether you trust this folder, which only you can answer: run \`${command}\` there once, answer, then try again.`;
const LOGIN = (command: string) => `it asks you to log in: run \`${command}\` once in a terminal, then try again.`;

export const COMMANDS: Readonly<Record<SpawnRuntime, RuntimeCommand>> = {
  "claude-code": {
    command: "claude",
    dialogs: [
      { screen: /trust (?:the files in )?this folder|Quick safety check/i, asks: TRUST("claude") },
      { screen: /Select login method|Choose the text style/, asks: LOGIN("claude") },
    ],
  },
  codex: {
    command: "codex",
    dialogs: [
      {
        screen: /Do you trust the contents of this directory|allow Codex to work in this folder/i,
        asks: TRUST("codex"),
      },
      {
        screen: /Hooks need review/,
        asks: "its hooks wait for your review: run `repowire setup codex`, or `codex` in a terminal, then try again.",
      },
      { screen: /Sign in with ChatGPT/, asks: LOGIN("codex") },
    ],
  },
  gemini: {
    command: "gemini",
    dialogs: [
      { screen: /Do you trust (?:the files in )?this folder/i, asks: TRUST("gemini") },
      { screen: /How would you like to authenticate/, asks: LOGIN("gemini") },
    ],
  },
  opencode: { command: "opencode", dialogs: [] },
};

/** Claude Code's notice at every start with a development channel (2.1.330): the first choice is preselected. */
export const CHANNEL_NOTICE = /Loading development\s+channels[\s\S]*❯\s*1\. I am using this for local development/;
