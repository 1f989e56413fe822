import { useEffect, useRef, useState } from "preact/hooks";
import type { Peer } from "../../protocol/index.ts";
import { call, Refusal } from "../live/api.ts";
import { type Draft, newDraft, newMessageId, readDraft, withFiles, writeDraft } from "../live/drafts.ts";
import { connection } from "../live/mesh.ts";
import { trayFor } from "../live/tray.ts";
import { AttachButton, FilesToSend, takePasted, useDrop } from "./file-field.tsx";

/** What may become of it before it is sent, as far as is known. */
function hint(peer: Peer, draft: Draft, hasFiles: boolean): string {
  const { state } = peer.presence;
  if (hasFiles && draft.text.trim() === "") return "Write a line for the file to go with.";
  if (peer.inbound === "refuse") return `${peer.name} takes no messages.`;
  if (peer.inbound === "hold") return `Messages for ${peer.name} are held until its person lets them in.`;
  if (state === "offline") return `${peer.name} is offline: it is kept for a day.`;
  if (state === "waiting") return `${peer.name} waits for its person: it reads nothing until then.`;
  if (state === "limited") return `${peer.name} is at a usage limit: it waits for the reset.`;
  if (state === "busy" && draft.urgency === "normal")
    return `${peer.name} is busy: it is handed over when its turn ends.`;
  return "";
}

/** Nothing counts as sent before the daemon has stored it; what was refused stays in the field, with the reason. */
export function Composer({ peer }: { peer: Peer }) {
  const [draft, setDraft] = useState(() => readDraft(peer.id));
  const [isSending, setIsSending] = useState(false);
  const [refusal, setRefusal] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const tray = trayFor(peer.id);
  const isOver = useDrop(form, tray, isSending);
  useEffect(() => writeDraft(peer.id, draft), [draft, peer.id]);
  useEffect(() => fit(field.current), [draft.text]);

  // What was changed is another message than the one that may have been stored, though nobody heard of it.
  const change = (part: Partial<Draft>) => setDraft((known) => ({ ...known, message: newMessageId(), ...part }));

  async function send(): Promise<void> {
    if (draft.text.trim() === "" || isSending) return;
    setIsSending(true);
    setRefusal("");
    try {
      const sent = withFiles(draft, await tray.ready());
      setDraft(sent);
      const { text, urgency, message } = sent;
      const attachments = sent.attachments?.length ? sent.attachments : undefined;
      if (draft.kind === "ask")
        await call("ask", { peer: peer.id, question: text, urgency, message, attachments, wait_seconds: 0 });
      else await call("notify", { peer: peer.id, text, urgency, message, attachments });
      setDraft({ ...newDraft(draft.kind), urgency });
      writeDraft(peer.id, newDraft());
      tray.clear();
    } catch (error) {
      setRefusal((error as Error).message);
      // Refused is refused: the next try is another message. Unanswered is not: the same one, sent again, is stored once.
      if (error instanceof Refusal && error.code !== "unreachable") change({});
    } finally {
      setIsSending(false);
    }
  }

  const isAsk = draft.kind === "ask";
  return (
    <form
      ref={form}
      class={isOver ? "composer dropping" : "composer"}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {refusal ? (
        <p class="refusal" role="alert">
          <strong>Not sent.</strong> {refusal}
        </p>
      ) : null}
      <label class="hidden" for="text">
        {isAsk ? `Question to ${peer.name}` : `Message to ${peer.name}`}
      </label>
      <textarea
        id="text"
        ref={field}
        data-writes
        rows={1}
        readOnly={isSending}
        placeholder={isAsk ? `Ask ${peer.name}…` : `Tell ${peer.name}…`}
        value={draft.text}
        onInput={(event) => change({ text: event.currentTarget.value })}
        onPaste={(event) => takePasted(event, tray)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            void send();
          }
        }}
      />
      <FilesToSend tray={tray} />
      <div class="composer-row">
        <AttachButton tray={tray} isOff={isSending} />
        <select
          aria-label="What it is"
          value={draft.kind}
          onChange={(event) => change({ kind: event.currentTarget.value as Draft["kind"] })}
        >
          <option value="ask">Ask</option>
          <option value="notify">Tell</option>
        </select>
        <select
          aria-label="When it is handed over"
          value={draft.urgency}
          onChange={(event) => change({ urgency: event.currentTarget.value as Draft["urgency"] })}
        >
          <option value="fyi">with its next turn</option>
          <option value="normal">when idle</option>
          <option value="urgent">now</option>
        </select>
        <button
          type="submit"
          class="main"
          disabled={isSending || draft.text.trim() === "" || connection.value !== "live"}
        >
          {isSending ? "Sending…" : isAsk ? "Ask" : "Tell"}
        </button>
      </div>
      <p class="hint quiet">{hint(peer, draft, tray.files.value.length > 0)}</p>
    </form>
  );
}

const LINES_MAX_PX = 220;

function fit(field: HTMLTextAreaElement | null): void {
  if (!field) return;
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight + 2, LINES_MAX_PX)}px`;
}
