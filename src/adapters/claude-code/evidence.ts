import type { Claim, Evidence, PeerRecord } from "../../core/index.ts";
import { readWholeRecord } from "../whole-record.ts";
import { factsOfLine, findTranscript, type TranscriptFact } from "./transcript.ts";

const unknown = (reason: string): Evidence => ({ verdict: "unknown", reason });

/**
 * What the transcript of a delivery's conversation shows of it, read from its start. Where anything of the delivery stands there
 * that is no frame of ours at its place (an inbox frame of a daemon before this one, a quotation), nothing is concluded.
 */
export function claudeEvidence(
  peer: PeerRecord,
  claims: readonly Claim[],
  addressOf: (claim: Claim) => string,
  ownPid = process.pid,
): Evidence[] {
  const { conversation, config_dir: configDir } = peer;
  if (!conversation || !configDir) return claims.map(() => unknown("its conversation is not known"));
  const record = readWholeRecord(findTranscript(configDir, conversation));
  if ("reason" in record) return claims.map(() => unknown(record.reason));
  const lines = record.text.split("\n");
  return claims.map((claim) => {
    if (claim.conversation !== conversation) return unknown("it was handed over in another conversation");
    return lookFor(claim, lines, addressOf(claim), ownPid);
  });
}

function lookFor(claim: Claim, lines: readonly string[], address: string, ownPid: number): Evidence {
  const isIts = (fact: TranscriptFact): boolean => {
    if (fact.type === "result") return fact.messages.includes(claim.message);
    return fact.type === "frame" && fact.handle === claim.handle && (fact.via !== "peer" || fact.address === address);
  };
  const names = (line: string) => line.includes(claim.handle) || line.includes(claim.message);
  const at = lines.findIndex((line) => names(line) && factsOfLine(line, ownPid).some(isIts));
  if (at >= 0) {
    const hasOutput = lines
      .slice(at + 1)
      .some((line) => line.includes('"assistant"') && factsOfLine(line, ownPid).some(({ type }) => type === "output"));
    return { verdict: "shown", hasOutput };
  }
  if (lines.some(names)) return unknown("its handle stands there, but not where a frame of ours would");
  if (lines.some((line) => line.includes("compact_boundary"))) return unknown("the conversation was compacted");
  // A file that is no transcript has no line of a conversation in it, and shows nothing by what it lacks.
  const isTranscript = lines.some((line) => factsOfLine(line, ownPid).length > 0);
  return isTranscript ? { verdict: "not_shown" } : unknown("its record has no line of a conversation");
}
