import { z } from "zod";
import { MessageId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import {
  EndedProcess,
  killTool,
  NeedsApproval,
  peerField,
  RepositorySetup,
  Restarted,
  Started,
  spawnTool,
  WorktreeState,
  worktreeOptions,
} from "../operation-shapes.ts";
import { EVERYONE, type OperationShape, PEOPLE } from "./shape.ts";

/** Starting, ending and looking into sessions, and the worktrees they work in. */
export const SESSION_OPERATIONS = {
  spawn: {
    purpose: "Start an agent session in a folder, and wait until messages reach it.",
    input: spawnTool.extend({
      /** For the runtime's own command; a person's choice alone. */
      args: z.array(z.string().max(LIMITS.launchArgCharsMax)).max(LIMITS.launchArgsMax).optional(),
      ...worktreeOptions,
      /** Repeating a request with its id is harmless. */
      message: MessageId.optional(),
    }),
    output: z.discriminatedUnion("state", [Started, NeedsApproval]),
    callers: EVERYONE,
    tool: {
      name: "spawn_peer",
      isGuarded: true,
      description:
        "Start an agent when no listed peer owns that folder. prompt: its first message. worktree: a branch, checked out apart for isolated work. May need approval.",
      input: spawnTool,
    },
  },
  kill: {
    purpose: "End a session, with what it started; says what really ended. `restart`: as the operation of that name.",
    input: killTool,
    output: z.object({
      peer: z.string(),
      /** Nothing ran any more. */
      already: z.boolean(),
      ended: z.array(EndedProcess),
      /** Still running, against expectation. */
      left: z.array(z.object({ pid: z.number().int(), command: z.string() })),
      /** Whether its pane is gone; absent where it had none of ours. */
      pane_gone: z.boolean().optional(),
      /** Open questions to it, whose askers were told. */
      failed_asks: z.number().int(),
      uncommitted: z.object({ path: z.string(), branch: z.string().optional(), files: z.number().int() }).optional(),
      /** With `restart`: its next process, or what it waits for. */
      restarted: Restarted.optional(),
    }),
    callers: EVERYONE,
    tool: {
      name: "kill_peer",
      isGuarded: true,
      description:
        "End a session you spawned. Says what ended and what was uncommitted. restart: start it again, also a dead one, with its conversation.",
      input: killTool,
    },
  },
  restart: {
    purpose:
      "Start a session again in its seat, with its mailbox, its open questions and its conversation; what runs of it is ended first.",
    input: z.strictObject({
      peer: peerField,
      /** Only one that has ended; what runs is left alone. */
      ended_only: z.boolean().optional(),
      /** Without its conversation. */
      fresh: z.boolean().optional(),
      /** Repeating a request with its id is harmless. */
      message: MessageId.optional(),
    }),
    output: Restarted,
    callers: EVERYONE,
  },
  worktrees: {
    purpose:
      "List the worktrees that repowire made, with what is not saved in each; with a path, also what that repository wants done in a new one.",
    input: z.strictObject({ path: z.string().min(1).max(LIMITS.pathCharsMax).optional() }),
    output: z.object({
      worktrees: z.array(WorktreeState),
      repository: z.object({ path: z.string(), setup: RepositorySetup.optional() }).optional(),
    }),
    callers: ["human", "orchestrator", "service"],
  },
  remove_worktree: {
    purpose:
      "Remove a worktree that repowire made, with the branch that was made for it; refuses to lose work unless a person says `force`.",
    input: z.strictObject({
      /** Its folder or its name, its branch, or a session that sits in it. */
      worktree: z.string().min(1).max(LIMITS.pathCharsMax),
      force: z.boolean().optional(),
      keep_branch: z.boolean().optional(),
    }),
    output: z.object({
      path: z.string(),
      branch: z.string(),
      branch_removed: z.boolean(),
      lost: z.object({ files: z.array(z.string()), commits: z.array(z.string()) }),
    }),
    callers: ["human", "orchestrator"],
  },
  trust_repository: {
    purpose: "A person trusts what a repository wants done in its worktrees, exactly as it is now.",
    input: z.strictObject({ path: z.string().min(1).max(LIMITS.pathCharsMax), hash: z.string().length(64) }),
    output: z.object({ path: z.string(), setup: RepositorySetup }),
    callers: PEOPLE,
    human: true,
  },
  pane: {
    purpose: "Where the screen of a started session is, and the commands that open it.",
    input: z.strictObject({ peer: peerField }),
    output: z.object({
      peer: z.string(),
      /** As people name it: `repowire:3.0`. */
      label: z.string(),
      /** The tmux server that holds it. */
      socket: z.string(),
      /** Argument arrays: for a terminal outside that server, and for one inside it. */
      attach: z.array(z.string()),
      switch_to: z.array(z.string()),
    }),
    callers: PEOPLE,
    human: true,
  },
} as const satisfies Record<string, OperationShape>;
