import { useRef, useState } from "preact/hooks";
import type { AskState, OperationOutput, Peer } from "../../protocol/index.ts";
import { call, Refusal } from "../live/api.ts";
import { newMessageId } from "../live/drafts.ts";
import { visible } from "../live/markdown.ts";
import { now, questions, sessions } from "../live/mesh.ts";
import { address } from "../live/route.ts";
import { ASK, presenceLine } from "../live/say.ts";
import { Dialog } from "../parts/dialog.tsx";
import { PresenceMark, StateChip } from "../parts/state.tsx";
import { AttachButton, FilesToSend, takePasted, useDrop, useTray } from "./file-field.tsx";

type RollUp = OperationOutput<"ask_several">;

/** As many as one call of the daemon asks. */
const PEERS_MAX = 8;

/** One question to several: each gets an ask of its own, and nobody is chosen beforehand. */
export function AskSeveralDialog({ onClose }: { onClose(): void }) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [question, setQuestion] = useState("");
  const [message, setMessage] = useState(newMessageId);
  const [refusal, setRefusal] = useState("");
  const [isSending, setIsSending] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const tray = useTray();
  const isOver = useDrop(form, tray, isSending);
  const [result, setResult] = useState<RollUp | undefined>(undefined);
  const there = sessions.value
    .filter(({ presence }) => presence.state !== "offline")
    .toSorted((a, b) => a.name.localeCompare(b.name));
  const to = there.filter(({ id }) => chosen.has(id));

  async function send(event: Event): Promise<void> {
    event.preventDefault();
    setIsSending(true);
    setRefusal("");
    try {
      const ids = await tray.ready();
      const attachments = ids.length > 0 ? ids : undefined;
      const peers = to.map(({ id }) => id);
      setResult(await call("ask_several", { peers, question, message, attachments, wait_seconds: 0 }));
    } catch (error) {
      setRefusal((error as Error).message);
      // Refused is refused: the next try is another one. Unanswered is not: sent again, each ask is stored once.
      if (error instanceof Refusal && error.code !== "unreachable") setMessage(newMessageId());
    }
    setIsSending(false);
  }

  function toggle(id: string, isOn: boolean): void {
    const next = new Set(chosen);
    if (isOn) next.add(id);
    else next.delete(id);
    setChosen(next);
  }

  if (result)
    return (
      <Dialog title="Asked" onClose={onClose}>
        <Result result={result} />
        <div class="dialog-row">
          <button type="button" class="main" onClick={onClose}>
            Done
          </button>
        </div>
      </Dialog>
    );
  const isTooMany = to.length > PEERS_MAX;
  return (
    <Dialog title="Ask several" onClose={onClose}>
      <form ref={form} class={isOver ? "dropping" : ""} onSubmit={(event) => void send(event)}>
        {refusal ? (
          <p class="refusal" role="alert">
            <strong>Not asked.</strong> {refusal}
          </p>
        ) : null}
        <fieldset class="choices-of-peers">
          <legend>Whom</legend>
          {there.map((peer) => (
            <PeerChoice key={peer.id} peer={peer} isOn={chosen.has(peer.id)} onToggle={toggle} />
          ))}
          {there.length === 0 ? <p class="quiet">No session is online.</p> : null}
        </fieldset>
        <label>
          The question
          <textarea
            rows={4}
            value={question}
            onPaste={(event) => takePasted(event, tray)}
            onInput={(event) => setQuestion(event.currentTarget.value)}
          />
        </label>
        <FilesToSend tray={tray} />
        <AttachButton tray={tray} isOff={isSending} words="Attach files" />
        <p role="status" class="quiet">
          {isTooMany
            ? `${to.length} are chosen; one question goes to at most ${PEERS_MAX}.`
            : "Each gets it as a question of its own, and answers by itself."}
        </p>
        <div class="dialog-row">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class="main"
            disabled={isSending || question.trim() === "" || to.length === 0 || isTooMany}
          >
            {isSending ? "Asking…" : `Ask ${to.length}`}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function PeerChoice(props: { peer: Peer; isOn: boolean; onToggle(id: string, isOn: boolean): void }) {
  const { peer, isOn, onToggle } = props;
  return (
    <label class="choice">
      <input type="checkbox" checked={isOn} onChange={(event) => onToggle(peer.id, event.currentTarget.checked)} />
      <PresenceMark peer={peer} />
      <span>{visible(peer.name)}</span>
      <span class="quiet">{presenceLine(peer, now.value)}</span>
    </label>
  );
}

/** How each stands, as it becomes known. */
function Result({ result: { asked, not_asked: left } }: { result: RollUp }) {
  return (
    <ul class="asked">
      {asked.map(({ outcome }) => (
        <li key={outcome.message}>
          <a href={address({ view: "thread", id: outcome.message })}>{visible(outcome.peer)}</a>{" "}
          <StateChip said={ASK[stateOf(outcome)]} />
        </li>
      ))}
      {left.map(({ peer, reason }) => (
        <li key={peer}>
          {visible(peer)} <strong>not asked</strong>: {visible(reason)}
        </li>
      ))}
    </ul>
  );
}

function stateOf({ message, state }: RollUp["asked"][number]["outcome"]): AskState {
  const live = questions.value.find((one) => one.message === message)?.ask;
  return live ?? (state === "pending" || state === "asked_first" ? "open" : state);
}
