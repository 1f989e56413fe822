import { z } from "zod";
import type { Runtime } from "./peers.ts";

/** What a runtime lets repowire do, as flags. Each is held against the real CLI by the suite of conditions. */
export interface Abilities {
  /** The last text of a turn is known to be the answer to the question that began it; else it is only captured, with care. */
  answersByTurn: boolean;
  /** A permission request can be decided from outside while its dialog stays usable. */
  relaysPermissions: boolean;
  /** What is urgent reaches a session in the middle of a turn. */
  takesWhileBusy: boolean;
  /** What waits inside the CLI can be taken back out of its queue. */
  removesQueued: boolean;
  /** Whether a usage limit is told with its end, only as such, or not at all. */
  tellsLimits: "until" | "that" | "no";
  /** A session that runs without any setup can be found and asked. */
  isFindable: boolean;
}

export interface RuntimeFacts {
  /** As people call it. */
  label: string;
  abilities: Abilities;
}

/** The runtimes whose sessions repowire reaches, and the one in memory that tests hold them against. */
export const RUNTIMES = {
  "claude-code": {
    label: "Claude Code",
    abilities: {
      answersByTurn: false,
      relaysPermissions: true,
      takesWhileBusy: true,
      removesQueued: false,
      tellsLimits: "until",
      isFindable: true,
    },
  },
  opencode: {
    label: "OpenCode",
    abilities: {
      answersByTurn: true,
      relaysPermissions: true,
      takesWhileBusy: true,
      removesQueued: false,
      tellsLimits: "until",
      isFindable: false,
    },
  },
  codex: {
    label: "Codex",
    abilities: {
      answersByTurn: true,
      relaysPermissions: true,
      takesWhileBusy: true,
      removesQueued: true,
      tellsLimits: "until",
      isFindable: true,
    },
  },
  gemini: {
    label: "Gemini CLI",
    abilities: {
      answersByTurn: true,
      relaysPermissions: false,
      takesWhileBusy: false,
      removesQueued: false,
      tellsLimits: "that",
      isFindable: false,
    },
  },
  memory: {
    label: "in memory",
    abilities: {
      answersByTurn: true,
      relaysPermissions: true,
      takesWhileBusy: true,
      removesQueued: false,
      tellsLimits: "until",
      isFindable: false,
    },
  },
} as const satisfies Partial<Record<Runtime, RuntimeFacts>>;
export type AgentRuntime = keyof typeof RUNTIMES;

/** The runtimes that repowire can start a session of. */
export const SpawnRuntime = z.enum(["claude-code", "codex", "gemini", "opencode"]);
export type SpawnRuntime = z.infer<typeof SpawnRuntime>;

export const isAgentRuntime = (runtime: Runtime): runtime is AgentRuntime => Object.hasOwn(RUNTIMES, runtime);

/** Undefined for what is no agent CLI: a terminal, a script, any MCP client. */
export const factsOf = (runtime: Runtime): RuntimeFacts | undefined =>
  isAgentRuntime(runtime) ? RUNTIMES[runtime] : undefined;
