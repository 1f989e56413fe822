import { z } from "zod";
import { LIMITS } from "./limits.ts";

interface ErrorShape {
  /** HTTP status. */
  status: number;
  /** Exit code of the CLI (sysexits numbers). */
  exit: number;
  /** Whether the same request may succeed later without being changed. */
  retryable: boolean;
  title: string;
}

/**
 * Every way repowire can refuse, once. HTTP, the link, MCP and the CLI all read this table, so a new error is one line here and
 * is then right everywhere.
 */
export const ERRORS = {
  invalid_input: { status: 400, exit: 65, retryable: false, title: "The request is not valid" },
  invalid_json: { status: 400, exit: 65, retryable: false, title: "That is not JSON" },
  unknown_operation: { status: 404, exit: 64, retryable: false, title: "No such operation" },
  not_found: { status: 404, exit: 66, retryable: false, title: "Nothing here" },
  unauthorized: { status: 401, exit: 77, retryable: false, title: "No valid credential" },
  forbidden: { status: 403, exit: 77, retryable: false, title: "Not allowed" },
  foreign_origin: { status: 403, exit: 77, retryable: false, title: "Requests from web pages are refused" },
  human_required: { status: 403, exit: 77, retryable: false, title: "Only a person can do that" },
  protocol_unsupported: { status: 426, exit: 76, retryable: false, title: "Versions do not fit" },
  not_a_peer: { status: 403, exit: 77, retryable: false, title: "This session is not a peer" },
  peer_not_found: { status: 404, exit: 66, retryable: false, title: "No such peer" },
  peer_ambiguous: { status: 409, exit: 65, retryable: false, title: "More than one peer fits" },
  circle_mismatch: { status: 403, exit: 77, retryable: false, title: "That peer is in another circle" },
  name_taken: { status: 409, exit: 65, retryable: false, title: "That name is taken" },
  self_ask: { status: 400, exit: 65, retryable: false, title: "A peer cannot ask itself" },
  ask_cycle: { status: 409, exit: 65, retryable: false, title: "Those peers already wait on each other" },
  refused_by_peer: { status: 403, exit: 77, retryable: false, title: "That peer takes no messages" },
  handle_unknown: { status: 404, exit: 66, retryable: false, title: "No such id" },
  not_an_ask: { status: 409, exit: 65, retryable: false, title: "That message takes no reply" },
  already_answered: { status: 409, exit: 65, retryable: false, title: "That question was already answered" },
  already_decided: { status: 409, exit: 65, retryable: false, title: "Already decided" },
  ask_closed: { status: 409, exit: 65, retryable: false, title: "That question is closed" },
  id_taken: { status: 409, exit: 65, retryable: false, title: "That message id is already in use" },
  body_too_large: { status: 413, exit: 65, retryable: false, title: "The text is too long" },
  frame_too_large: { status: 413, exit: 65, retryable: false, title: "The request is too large" },
  too_slow: { status: 408, exit: 75, retryable: true, title: "The request did not come in time" },
  mailbox_full: { status: 429, exit: 75, retryable: true, title: "That peer has too much unread" },
  too_many_asks: { status: 429, exit: 75, retryable: true, title: "Too many open questions" },
  too_many_approvals: { status: 429, exit: 75, retryable: true, title: "Too many permission requests wait" },
  too_many_waits: { status: 429, exit: 75, retryable: true, title: "Too many calls wait at once" },
  attachments_full: { status: 429, exit: 75, retryable: true, title: "Too many files are kept" },
  too_many_schedules: { status: 429, exit: 75, retryable: true, title: "Too many scheduled messages" },
  too_many_recipients: { status: 400, exit: 65, retryable: false, title: "Too many recipients" },
  thread_paused: {
    status: 409,
    exit: 77,
    retryable: false,
    title: "Those messages are paused until a person lifts it",
  },
  too_many_links: { status: 503, exit: 75, retryable: true, title: "Too many connections" },
  overloaded: { status: 503, exit: 75, retryable: true, title: "Too much at once" },
  too_many_sessions: { status: 429, exit: 75, retryable: true, title: "Too many sessions were started" },
  session_state: { status: 409, exit: 65, retryable: false, title: "Not while the session is in that state" },
  untrusted: { status: 403, exit: 77, retryable: false, title: "That repository's set-up is not trusted yet" },
  unsaved_work: { status: 409, exit: 65, retryable: false, title: "Work would be lost" },
  denied: { status: 403, exit: 77, retryable: false, title: "A person said no" },
  launch_failed: { status: 502, exit: 69, retryable: false, title: "The session did not start" },
  storage_full: { status: 507, exit: 74, retryable: true, title: "The disk is full" },
  storage_failed: { status: 503, exit: 74, retryable: true, title: "The store failed" },
  unavailable: { status: 503, exit: 69, retryable: true, title: "The daemon is not reachable" },
  internal: { status: 500, exit: 70, retryable: false, title: "A fault in repowire" },
} as const satisfies Record<string, ErrorShape>;

export type ErrorCode = keyof typeof ERRORS;
export const ErrorCode = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);

/**
 * An expected refusal: a code of the table and one sentence that says what was found and what to do next.
 * Anything else that is thrown is a bug: logged with its stack, shown as `internal`.
 */
export class RepowireError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail: string) {
    super(detail);
    this.name = "RepowireError";
    this.code = code;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }
}

/** RFC 9457 `application/problem+json`, with our code and whether a retry can help. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: ErrorCode,
  retryable: z.boolean(),
});
export type Problem = z.infer<typeof Problem>;

export function toProblem(error: RepowireError): Problem {
  const shape = ERRORS[error.code];
  return {
    type: `https://repowire.dev/errors/${error.code}`,
    title: shape.title,
    status: shape.status,
    detail: error.message,
    code: error.code,
    retryable: shape.retryable,
  };
}

/** JSON-RPC 2.0 reserves -32768..-32000; ours are one number with the code in `data`, so that a new row needs no new number. */
export const RPC_ERROR = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  repowire: -32000,
} as const;

/** Turns whatever was thrown into an expected refusal; bugs become `internal` without their stack. */
export function asRepowireError(thrown: unknown): RepowireError {
  if (thrown instanceof RepowireError) return thrown;
  return new RepowireError(
    "internal",
    "Something in repowire failed; the daemon's log has the details (repowire daemon logs).",
  );
}

export const frameTooLarge = (): RepowireError =>
  new RepowireError("frame_too_large", `A request may have ${LIMITS.frameBytesMax} bytes at most. Send less.`);

/** One clear sentence out of a failed zod parse: the first problem, with its field. */
export function fromZod(error: z.ZodError, what: string): RepowireError {
  const issue = error.issues[0];
  if (!issue) return new RepowireError("invalid_input", `${what} is not valid.`);
  // A schema may name a better row of the table than "not valid".
  const named = issue.code === "custom" ? ErrorCode.safeParse(issue.params?.code).data : undefined;
  const field = issue.path.length > 0 ? `"${issue.path.join(".")}"` : "the request";
  if (issue.code === "unrecognized_keys") {
    return new RepowireError(
      "invalid_input",
      `${what} does not know ${issue.keys.map((key) => `"${key}"`).join(", ")}. Remove it and try again.`,
    );
  }
  return new RepowireError(named ?? "invalid_input", `${what}: ${field}: ${issue.message}.`);
}
