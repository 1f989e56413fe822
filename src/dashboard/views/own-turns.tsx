import { useEffect, useState } from "preact/hooks";
import type { OperationOutput, OwnTurn, Peer } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { visible } from "../live/markdown.ts";
import { now } from "../live/mesh.ts";
import { timeOf } from "../live/say.ts";
import { Markdown } from "../parts/markdown.tsx";

type Turns = OperationOutput<"turns">;

const SHOWN = 20;

/** What its user asked it and what it said there: read when somebody opens it, and again when the session goes on. */
export function OwnTurns({ peer }: { peer: Peer }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details class="facts own-turns" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>Its own conversation</summary>
      {isOpen ? <Turns peer={peer} /> : null}
    </details>
  );
}

function Turns({ peer }: { peer: Peer }) {
  const { turns: found, why } = useTurns(peer, SHOWN);
  if (why) return <p role="alert">{why}</p>;
  if (!found) return <p class="quiet">Reading its record…</p>;
  return (
    <>
      <p class="quiet">
        {found.why
          ? `Nothing to show: ${visible(found.why)}.`
          : `From the session's own record, not from the ledger. Messages of the mesh stand below.${found.is_cut ? " The newest only." : ""}`}
      </p>
      {found.why ? null : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <div class="turns" tabIndex={0} role="log" aria-label={`What was said in ${peer.name}`} aria-live="off">
          {found.turns.length === 0 ? <p class="quiet">Nothing was said there yet.</p> : null}
          {found.turns.map((turn, index) => (
            <Turn key={`${turn.at}-${index}`} turn={turn} />
          ))}
        </div>
      )}
    </>
  );
}

/** Loaded again with each change of what the session does. */
function useTurns(peer: Peer, limit: number): { turns: Turns | undefined; why: string } {
  const [turns, setTurns] = useState<Turns | undefined>(undefined);
  const [why, setWhy] = useState("");
  const { state, since } = peer.presence;
  useEffect(() => {
    let isOver = false;
    call("turns", { peer: peer.id, limit }).then(
      (found) => {
        if (!isOver) setTurns(found);
      },
      (error: Error) => {
        if (!isOver) setWhy(error.message);
      },
    );
    return () => {
      isOver = true;
    };
  }, [peer.id, state, since]);
  return { turns, why };
}

function Turn({ turn }: { turn: OwnTurn }) {
  const { by, at, text, rest_chars: rest, options } = turn;
  return (
    <div class={`turn ${by}`}>
      <p class="quiet">
        {by === "user" ? "its user" : "the session"}
        {at === undefined ? "" : ` · ${timeOf(at, now.peek())}`}
        {options ? (turn.is_open ? " · asks, not answered yet" : " · asked") : ""}
      </p>
      <Markdown text={text} />
      {rest > 0 ? <p class="quiet">… {rest.toLocaleString()} more characters stand in its terminal</p> : null}
      {options ? <Options options={options} /> : null}
    </div>
  );
}

/** To be read, not pressed: its runtime takes the choice in its own terminal only. */
function Options({ options }: { options: NonNullable<OwnTurn["options"]> }) {
  return (
    <ul class="options">
      {options.map(({ label, description }) => (
        <li key={label}>
          <strong>{visible(label)}</strong>
          {description ? <span class="quiet"> {visible(description)}</span> : null}
        </li>
      ))}
    </ul>
  );
}

/** What a session that waits for its person has asked there, where its record says it. */
export function OpenQuestion({ peer }: { peer: Peer }) {
  const { turns } = useTurns(peer, SHOWN);
  const open = turns?.turns.filter((turn) => turn.is_open) ?? [];
  if (open.length === 0) return null;
  return (
    <div class="open-question">
      {open.map((turn) => (
        <Turn key={turn.text} turn={turn} />
      ))}
    </div>
  );
}
