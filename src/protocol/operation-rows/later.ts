import { z } from "zod";
import { Attachment } from "../attachments.ts";
import { Pause } from "../guard.ts";
import { Handle } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { Approval } from "../messages.ts";
import { peerField, scheduleInput } from "../operation-shapes.ts";
import { Schedule } from "../schedules.ts";
import { EVERYONE, type OperationShape, PEOPLE } from "./shape.ts";

/** What goes with a message, what is sent later, and what waits for a person: files, plans, pauses, approvals. */
export const LATER_OPERATIONS = {
  attach: {
    purpose:
      "Bring a file that is to go with a message, in parts: the first names it and its size, the others the upload. With the last part it has its id.",
    input: z.strictObject({
      /** Continues the upload that the first part began. */
      upload: z.string().max(64).optional(),
      name: z.string().min(1).max(255).optional(),
      size: z.number().int().nonnegative().max(LIMITS.attachmentBytesMax).optional(),
      data: z.base64().max(Math.ceil(LIMITS.attachmentChunkBytesMax / 3) * 4),
    }),
    output: z.object({
      upload: z.string(),
      /** Bytes so far. */
      received: z.number().int(),
      attachment: Attachment.optional(),
    }),
    callers: EVERYONE,
  },
  attachment: {
    purpose: "Read a part of a file that came with a message, or that one brought oneself.",
    input: z.strictObject({
      id: Handle,
      offset: z.number().int().nonnegative().max(LIMITS.attachmentBytesMax).optional(),
      length: z.number().int().positive().max(LIMITS.attachmentChunkBytesMax).optional(),
    }),
    output: z.object({
      attachment: Attachment,
      offset: z.number().int(),
      data: z.base64(),
      rest_bytes: z.number().int(),
    }),
    callers: EVERYONE,
  },
  schedule: {
    purpose:
      "Send a message later: at a time, again and again, or when a peer is idle, waits for its human, or ends. `notify_peer` with `when` is this.",
    input: scheduleInput,
    output: z.object({ schedule: Schedule }),
    callers: EVERYONE,
  },
  schedules: {
    purpose: "List the messages that wait for a time or a peer: one's own; all of them for people and orchestrators.",
    input: z.strictObject({}),
    output: z.object({ schedules: z.array(Schedule) }),
    callers: EVERYONE,
  },
  unschedule: {
    purpose: "Remove a message that waits for a time or a peer: one's own; any of them for people and orchestrators.",
    input: z.strictObject({ id: Handle }),
    output: z.object({ schedule: Schedule }),
    callers: EVERYONE,
  },
  pauses: {
    purpose: "List the messages that the loop guard has stopped.",
    input: z.strictObject({}),
    output: z.object({ pauses: z.array(Pause) }),
    callers: ["human", "orchestrator", "service"],
  },
  resume: {
    purpose: "Lift what the loop guard has stopped: by the id of the pause, a message of the thread, or a peer.",
    input: z.strictObject({ what: peerField }),
    output: z.object({ resumed: z.array(Pause) }),
    callers: PEOPLE,
    human: true,
  },
  approvals: {
    purpose: "List the tool calls that wait for a person.",
    input: z.strictObject({ all: z.boolean().optional() }),
    output: z.object({ approvals: z.array(Approval) }),
    callers: ["human", "orchestrator", "service"],
  },
  decide: {
    purpose: "Allow or deny a tool call that waits for a person; the first verdict wins.",
    input: z.strictObject({
      id: Handle,
      verdict: z.enum(["allow", "deny"]),
      reason: z.string().max(LIMITS.reasonCharsMax).optional(),
    }),
    output: z.object({ approval: Approval }),
    callers: PEOPLE,
    human: true,
  },
} as const satisfies Record<string, OperationShape>;
