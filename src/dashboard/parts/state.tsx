import type { Peer, PresenceState } from "../../protocol/index.ts";
import { PRESENCE, type Said } from "../live/say.ts";

/** A state is a word and a mark; the colour only repeats it. */
export function StateChip({ said, prefix }: { said: Said; prefix?: string }) {
  return (
    <span class={`chip ${said.tone}`} title={said.means}>
      <span class="mark" aria-hidden="true">
        {said.mark}
      </span>
      {prefix ? `${prefix}: ` : ""}
      {said.word}
    </span>
  );
}

const MARK: Record<PresenceState, string> = { online: "●", busy: "◐", waiting: "!", limited: "⊘", offline: "○" };

export function PresenceMark({ peer }: { peer: Peer }) {
  const { state } = peer.presence;
  return (
    <span class={`presence ${state}`} role="img" aria-label={PRESENCE[state]}>
      {MARK[state]}
    </span>
  );
}
