import { z } from "zod";
import { PlaceVariable, UnreachableSession } from "../discovery.ts";
import { Finding, LoggedLine, Sample } from "../findings.ts";
import { PeerId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { peerField } from "../operation-shapes.ts";
import { OwnTurn } from "../own-turns.ts";
import { Peer, Rung, Runtime } from "../peers.ts";
import { type OperationShape, PEOPLE } from "./shape.ts";

/** The daemon itself: its surroundings, its state, its log, its store. */
export const DAEMON_OPERATIONS = {
  discover: {
    purpose:
      "Find agent sessions that already run and can be reached without any setup, and let them join. The variables say where their CLIs keep their files.",
    input: z.strictObject({ env: z.partialRecord(PlaceVariable, z.string().max(LIMITS.pathCharsMax)).optional() }),
    output: z.object({
      found: z.array(z.object({ peer: Peer, is_new: z.boolean(), can: z.array(z.string()) })),
      unreachable: z.array(UnreachableSession),
    }),
    callers: ["human", "orchestrator", "service"],
  },
  probe: {
    purpose:
      "Ask the other end of every way into a live session (or into one peer's) for a sign of life. Nothing is shown there, and no model hears of it.",
    input: z.strictObject({ peer: peerField.optional() }),
    output: z.object({
      probes: z.array(
        z.object({
          peer: z.string(),
          peer_id: PeerId,
          runtime: Runtime,
          rung: Rung,
          ok: z.boolean(),
          latency_ms: z.number().optional(),
          /** Whether the session's hooks or record have told the daemon anything since it started. */
          gives_receipts: z.boolean(),
          /** Why there was none. */
          reason: z.string().optional(),
        }),
      ),
    }),
    callers: ["human", "orchestrator", "service"],
  },
  try_notifier: {
    purpose: "Run `on_waiting` of config.yaml once, as a trial, and say how it went.",
    input: z.strictObject({}),
    output: z.object({
      ms: z.number(),
      /** Absent when it ended well. */
      failure: z.string().optional(),
    }),
    callers: PEOPLE,
    human: true,
  },
  turns: {
    purpose:
      "The newest that a session's user and its model said there, read from the session's own record where its runtime keeps one; messages of the mesh are left out.",
    input: z.strictObject({
      peer: peerField,
      limit: z.number().int().positive().max(LIMITS.ownTurnsMax).optional(),
    }),
    output: z.object({
      peer: z.string(),
      /** The newest last. */
      turns: z.array(OwnTurn),
      /** There is more in the record, before these. */
      is_cut: z.boolean(),
      /** Why nothing can be read. */
      why: z.string().optional(),
    }),
    callers: PEOPLE,
    human: true,
  },
  examine: {
    purpose:
      "Try what the daemon itself can try (its files, disk, database, log, tmux, the ways into live sessions), and say of each part how it is and the one next step.",
    input: z.strictObject({}),
    output: z.object({ findings: z.array(Finding) }),
    callers: PEOPLE,
    human: true,
  },
  samples: {
    purpose: "How busy the daemon was, in short stretches, back to its start or for an hour.",
    input: z.strictObject({}),
    output: z.object({
      /** The length of a stretch. */
      every_ms: z.number().int(),
      /** The newest last. */
      samples: z.array(Sample),
    }),
    callers: ["human", "orchestrator", "service"],
  },
  daemon_log: {
    purpose: "The end of the daemon's own log, or what was written to it behind a cursor.",
    input: z.strictObject({ cursor: z.string().max(LIMITS.logCursorCharsMax).optional() }),
    output: z.object({
      /** The newest last. */
      lines: z.array(LoggedLine),
      /** Where to go on. */
      cursor: z.string(),
      /** Lines before those shown were left out: there were too many at once. */
      is_cut: z.boolean(),
    }),
    callers: PEOPLE,
    human: true,
  },
  purge: {
    purpose: "Remove closed messages, events and empty seats older than some days.",
    input: z.strictObject({ older_than_days: z.number().min(0).max(3_650).optional() }),
    output: z.object({ messages: z.number().int(), events: z.number().int(), peers: z.number().int() }),
    callers: PEOPLE,
    human: true,
  },
} as const satisfies Record<string, OperationShape>;
