import type { RuntimeAdapter } from "../adapters/adapter.ts";
import type { RecordedTurn } from "../adapters/own-turns.ts";
import type { PeerRecord } from "../core/index.ts";
import { redact } from "../platform/redact.ts";
import { LIMITS, type OwnTurn } from "../protocol/index.ts";

/** What is said in a session beside the mesh, for a person's eyes: what looks like a secret is masked, and nothing is endless. */
export async function readOwnTurns(
  adapter: Pick<RuntimeAdapter, "ownTurns"> | undefined,
  peer: PeerRecord,
): Promise<{ turns: OwnTurn[]; isWhole: boolean } | { reason: string }> {
  if (!adapter?.ownTurns) return { reason: "its runtime keeps no record that repowire reads" };
  const read = await adapter.ownTurns(peer);
  if ("reason" in read) return { reason: redact(read.reason) };
  // Masking takes longer than cutting, so only what can be shown is masked.
  return {
    turns: read.turns.slice(-LIMITS.ownTurnsMax).map(shown),
    isWhole: read.isWhole && read.turns.length <= LIMITS.ownTurnsMax,
  };
}

function shown({ by, at, text, restChars = 0, options, isOpen }: RecordedTurn): OwnTurn {
  // Masked before it is cut, so that no half of a secret is left; but not all of a text that nobody is shown.
  const near = text.slice(0, LIMITS.findTextCharsMax * 4);
  const clean = redact(near);
  const cut = clean.slice(0, LIMITS.findTextCharsMax).toWellFormed();
  return {
    by,
    ...(at === undefined ? {} : { at }),
    text: cut,
    rest_chars: clean.length - cut.length + text.length - near.length + restChars,
    ...(options === undefined
      ? {}
      : { options: options.slice(0, LIMITS.ownTurnOptionsMax).map(shownOption), is_open: isOpen === true }),
  };
}

const shownOption = ({ label, description }: { label: string; description?: string }) => ({
  label: redact(label).slice(0, LIMITS.reasonCharsMax),
  ...(description === undefined ? {} : { description: redact(description).slice(0, LIMITS.reasonCharsMax) }),
});
