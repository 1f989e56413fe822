import { z } from "zod";
import { describeError, ErrorInfo, MessageInfo, SessionInfo } from "./api.ts";

/** What OpenCode's events say, as far as repowire listens (1.18.33); anything else is undefined. */
export type PluginEvent =
  | { type: "created"; session: string; parent?: string }
  | { type: "updated"; session: string; isReverted: boolean }
  | { type: "deleted"; session: string }
  | { type: "compacted"; session: string }
  | { type: "busy"; session: string }
  | { type: "retry"; session: string; message: string; next?: number }
  | { type: "idle"; session: string }
  | { type: "error"; session: string; error: { name: string; text: string } }
  | { type: "part"; session: string; message: string; part: EventPart }
  | { type: "message"; session: string; id: string; role: string; parent?: string }
  | { type: "permission"; session: string; id: string; tool: string; what: string; preview: string }
  | { type: "permission_done"; session: string; id: string; reply?: string }
  | { type: "question"; session: string; id: string; what: string }
  | { type: "question_done"; session: string; id: string };

const EventPart = z.object({
  id: z.string(),
  type: z.string(),
  messageID: z.string(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  callID: z.string().optional(),
  state: z.object({ status: z.string() }).optional().catch(undefined),
});
type EventPart = z.infer<typeof EventPart>;

const ofSession = z.object({ sessionID: z.string() });
const SHAPES = {
  "session.created": ofSession.extend({ info: SessionInfo }),
  "session.updated": ofSession.extend({ info: SessionInfo }),
  "session.deleted": ofSession,
  "session.compacted": ofSession,
  "session.idle": ofSession,
  "session.status": ofSession.extend({
    status: z.object({ type: z.string(), message: z.string().optional(), next: z.number().optional() }),
  }),
  "session.error": ofSession.extend({ error: ErrorInfo }),
  "message.updated": ofSession.extend({ info: MessageInfo }),
  "message.part.updated": ofSession.extend({ part: EventPart }),
  "permission.asked": ofSession.extend({
    id: z.string(),
    permission: z.string(),
    patterns: z.array(z.string()).catch([]),
    metadata: z.record(z.string(), z.unknown()).catch({}),
  }),
  "permission.replied": ofSession.extend({ requestID: z.string(), reply: z.string().optional() }),
  "question.asked": ofSession.extend({
    id: z.string(),
    questions: z.array(z.object({ question: z.string().catch("") })).catch([]),
  }),
  "question.replied": ofSession.extend({ requestID: z.string() }),
  "question.rejected": ofSession.extend({ requestID: z.string() }),
} as const;
type Shapes = { [Name in keyof typeof SHAPES]: z.infer<(typeof SHAPES)[Name]> };

const READERS: { [Name in keyof Shapes]: (given: Shapes[Name]) => PluginEvent | undefined } = {
  "session.created": ({ sessionID, info }) => ({ type: "created", session: sessionID, parent: info.parentID }),
  "session.updated": ({ sessionID, info }) => ({
    type: "updated",
    session: sessionID,
    isReverted: info.revert !== undefined,
  }),
  "session.deleted": ({ sessionID }) => ({ type: "deleted", session: sessionID }),
  "session.compacted": ({ sessionID }) => ({ type: "compacted", session: sessionID }),
  "session.idle": ({ sessionID }) => ({ type: "idle", session: sessionID }),
  "session.status": ({ sessionID: session, status }) => {
    if (status.type === "busy") return { type: "busy", session };
    // The idle status comes with an idle event of its own.
    return status.type === "retry"
      ? { type: "retry", session, message: status.message ?? "", next: status.next }
      : undefined;
  },
  "session.error": ({ sessionID, error }) => ({
    type: "error",
    session: sessionID,
    error: { name: error.name, text: describeError(error) },
  }),
  "message.updated": ({ sessionID, info }) => ({
    type: "message",
    session: sessionID,
    id: info.id,
    role: info.role,
    parent: info.parentID,
  }),
  "message.part.updated": ({ sessionID, part }) => ({
    type: "part",
    session: sessionID,
    message: part.messageID,
    part,
  }),
  "permission.asked": ({ sessionID, id, permission, patterns, metadata }) => ({
    type: "permission",
    session: sessionID,
    id,
    tool: permission,
    what: patterns.join(", "),
    preview: previewOf(metadata, patterns),
  }),
  "permission.replied": ({ sessionID, requestID, reply }) => ({
    type: "permission_done",
    session: sessionID,
    id: requestID,
    reply,
  }),
  "question.asked": ({ sessionID, id, questions }) => ({
    type: "question",
    session: sessionID,
    id,
    what: questions[0]?.question ?? "",
  }),
  "question.replied": ({ sessionID, requestID }) => ({ type: "question_done", session: sessionID, id: requestID }),
  "question.rejected": ({ sessionID, requestID }) => ({ type: "question_done", session: sessionID, id: requestID }),
};

const Event = z.object({ type: z.string(), properties: z.unknown() });

export function readEvent(given: unknown): PluginEvent | undefined {
  const event = Event.safeParse(given).data;
  if (!event || !isKnown(event.type)) return undefined;
  const parsed = SHAPES[event.type].safeParse(event.properties);
  if (!parsed.success) return undefined;
  // The shape and its reader stand under one name.
  const read = READERS[event.type] as (properties: unknown) => PluginEvent | undefined;
  return read(parsed.data);
}

const isKnown = (type: string): type is keyof typeof SHAPES => Object.hasOwn(SHAPES, type);

/** A command or a diff; else what the request itself names. */
function previewOf(metadata: Record<string, unknown>, patterns: string[]): string {
  for (const key of ["command", "diff", "filepath", "url"]) {
    const value = metadata[key];
    if (typeof value === "string" && value !== "") return value;
  }
  return patterns.join(", ");
}
