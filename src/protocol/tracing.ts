import { z } from "zod";
import { LIMITS } from "./limits.ts";

/** W3C trace context (version 00), passed on untouched. */
export const TraceParent = z
  .string()
  .regex(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/, "must be a W3C traceparent");

const hex = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));

/** A step of a message's way that happened in a session's process, told to the daemon, which alone exports. */
export const SessionSpan = z.object({
  /** `ask` and `send`: a call of the session. `present`: a message handed to its runtime. `answer`: its reply. */
  name: z.enum(["ask", "send", "present", "answer"]),
  trace: hex(32),
  span: hex(16),
  parent: hex(16).optional(),
  /** Epoch milliseconds, with fractions. */
  started_at: z.number().nonnegative(),
  ended_at: z.number().nonnegative(),
  /** A failed call: the error's code. */
  error: z.string().max(60).optional(),
});
export type SessionSpan = z.infer<typeof SessionSpan>;

/** The calls that make a message, and their spans. */
export const SPAN_OF_CALL: Partial<Record<string, SessionSpan["name"]>> = {
  ask: "ask",
  ask_several: "ask",
  notify: "send",
  broadcast: "send",
  reply: "answer",
};

export const SessionSpans = z.object({ spans: z.array(SessionSpan).max(LIMITS.deliverItemsMax) });

/** The parts of a traceparent that say where it belongs. */
export interface TraceContext {
  trace: string;
  span: string;
}

export function parseTraceParent(text: string | undefined): TraceContext | undefined {
  const [, trace, span] = text?.split("-") ?? [];
  return trace && span ? { trace, span } : undefined;
}

export const traceParent = ({ trace, span }: TraceContext): string => `00-${trace}-${span}-01`;
