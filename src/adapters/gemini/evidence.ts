import type { Claim, Evidence, PeerRecord } from "../../core/index.ts";
import { readWholeRecord } from "../whole-record.ts";
import { createGeminiFacts, type GeminiFact } from "./transcript.ts";

const unknown = (reason: string): Evidence => ({ verdict: "unknown", reason });

/**
 * What the transcript of a session's conversation shows of deliveries, read from its start. A patch gives the whole list anew and may
 * leave out what stood there: after one, what is not there proves nothing (Gemini CLI 0.61.0).
 */
export function geminiEvidence(peer: PeerRecord, claims: readonly Claim[]): Evidence[] {
  const { conversation, transcript } = peer;
  if (!conversation || !transcript) return claims.map(() => unknown("its conversation is not known"));
  const record = readWholeRecord(transcript);
  if ("reason" in record) return claims.map(() => unknown(record.reason));
  const { text } = record;
  const facts = text.split("\n").flatMap(createGeminiFacts());
  return claims.map((claim) => {
    if (claim.conversation !== conversation || !text.includes(conversation))
      return unknown("its record is of another conversation");
    return lookFor(claim, facts, text);
  });
}

function lookFor(claim: Claim, facts: readonly GeminiFact[], text: string): Evidence {
  const at = facts.findIndex(
    (fact) => fact.type === "input" && fact.input.from !== "bareTag" && fact.input.carried.includes(claim.handle),
  );
  if (at >= 0) {
    // Only the output of its own turn counts: a cancelled turn is taken out of the conversation.
    const next = facts.slice(at + 1).find(({ type }) => type !== "error");
    return { verdict: "shown", hasOutput: next?.type === "output" };
  }
  if (text.includes(claim.handle) || text.includes(claim.message))
    return unknown("its handle stands there, but not where a frame of ours would");
  if (text.includes('"$set"')) return unknown("the conversation was rewritten");
  return facts.length > 0 ? { verdict: "not_shown" } : unknown("its record has no line of a conversation");
}
