import { z } from "zod";
import { MeshEvent } from "../events.ts";
import { ExportPage } from "../export.ts";
import { Handle, MessageId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { Ask, Delivery, MessageKind } from "../messages.ts";
import { Night } from "../night.ts";
import { messageFilters, page, peerField } from "../operation-shapes.ts";
import { FoundMessage, TraceStep } from "../outcomes.ts";
import { EVERYONE, type OperationShape, PEOPLE } from "./shape.ts";

/** What was said and what became of it, read again. */
export const RECORD_OPERATIONS = {
  trace: {
    purpose: "Everything that is known about one message, step by step.",
    input: z.strictObject({ id: z.union([z.literal("last"), MessageId, Handle]) }),
    output: z.object({
      id: z.string(),
      message: MessageId,
      kind: MessageKind,
      from: z.string(),
      to: z.array(z.string()),
      excerpt: z.string(),
      ask: Ask.optional(),
      deliveries: z.array(Delivery),
      steps: z.array(TraceStep),
    }),
    callers: EVERYONE,
  },
  events: {
    purpose: "A page of the event log after a cursor.",
    input: z.strictObject({
      after: z.number().int().nonnegative().optional(),
      limit: z.number().int().positive().max(LIMITS.pageMax).optional(),
    }),
    output: z.object({
      events: z.array(MeshEvent),
      cursor: z.number().int(),
      newest: z.number().int(),
      epoch: z.string(),
    }),
    callers: ["human", "orchestrator", "service"],
  },
  search: {
    purpose:
      'Find messages by words of their text. People see all, everybody else what they sent or received. Every word must be there, the last one as a beginning; "in quotes": an exact phrase. A page may end early, even empty, with a cursor to go on.',
    input: z.strictObject({
      words: z.string().max(LIMITS.searchCharsMax),
      ...messageFilters,
      /** By how well they fit instead of by time: among the newest that fit, on one page. */
      relevance: z.boolean().optional(),
      ...page,
    }),
    output: z.object({
      messages: z.array(
        FoundMessage.extend({
          /** The text around the first hit, on one line; `marks` are start and end of each hit in it, in UTF-16 units. */
          snippet: z.object({ text: z.string(), marks: z.array(z.tuple([z.number().int(), z.number().int()])) }),
        }),
      ),
      cursor: z.number().int().optional(),
    }),
    callers: EVERYONE,
  },
  history: {
    purpose:
      "Messages of a peer, of a pair or of a thread, the newest last; `cursor` leads to older ones. People see all, everybody else what they sent or received.",
    input: z.strictObject({
      ...messageFilters,
      /** With `peer`: only what these two sent each other. */
      with: peerField.optional(),
      ...page,
    }),
    output: z.object({
      messages: z.array(
        FoundMessage.extend({
          text: z.string(),
          /** What was left out at the end of the text, in UTF-16 units. */
          rest_chars: z.number().int(),
        }),
      ),
      cursor: z.number().int().optional(),
    }),
    callers: EVERYONE,
  },
  night: {
    purpose:
      "What happened in a span of time (epoch milliseconds), counted from the record: who asked whom and what came of it, commits, who was stuck and why.",
    input: z.strictObject({ since: z.number().int().nonnegative(), until: z.number().int().nonnegative().optional() }),
    output: Night,
    callers: PEOPLE,
    human: true,
  },
  export: {
    purpose:
      "A page of whole records, for a file of a run: messages with their deliveries, questions and events. With `since`, the conversations that began since (epoch milliseconds); with `thread`, the one of that message.",
    input: z.strictObject({
      after: z.number().int().nonnegative().optional(),
      since: z.number().int().nonnegative().optional(),
      thread: z.union([MessageId, Handle]).optional(),
      /** Without: no bodies, and nothing else that quotes them. */
      bodies: z.boolean().optional(),
    }),
    output: ExportPage,
    callers: PEOPLE,
    human: true,
  },
} as const satisfies Record<string, OperationShape>;
