import { byteLength, LIMITS, type MessageId, type Report } from "../../src/protocol/index.ts";
import { TURN_FAILED } from "../../src/words/index.ts";
import type { TurnVerdict } from "./judge.ts";

/** What the mesh is told of a question whose turn ended like this. */
export function outcomeOf(
  message: MessageId,
  verdict: TurnVerdict,
  { peer, refusedPermission }: { peer: string; refusedPermission: boolean },
): Report {
  const failed = (reason: "interrupted" | "model_error" | "no_answer", text: string): Report => ({
    type: "failed",
    message,
    reason,
    text: text.slice(0, LIMITS.reasonCharsMax),
  });
  switch (verdict.type) {
    case "answer":
      return { type: "answer", message, text: withinLimit(verdict.text) };
    case "interrupted":
      return failed("interrupted", TURN_FAILED.interrupted(peer));
    case "model_error":
      return failed("model_error", TURN_FAILED.model_error(peer, verdict.error.slice(0, 300)));
    case "joined":
      return failed("no_answer", TURN_FAILED.user_joined(peer));
    case "no_answer":
    case "nothing":
      return failed(
        "no_answer",
        refusedPermission ? TURN_FAILED.refused_permission(peer) : TURN_FAILED.no_answer(peer),
      );
    default:
      return verdict satisfies never;
  }
}

const CUT_NOTE = "\n[cut: the final message was longer than one message of the mesh may be]";

/** A final message beyond the limit is cut, and says so. */
function withinLimit(text: string): string {
  if (byteLength(text) <= LIMITS.bodyBytesMax) return text;
  const bytes = new TextEncoder().encode(text).slice(0, LIMITS.bodyBytesMax - byteLength(CUT_NOTE));
  return new TextDecoder().decode(bytes, { stream: true }) + CUT_NOTE;
}
