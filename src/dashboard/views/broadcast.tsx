import { useRef, useState } from "preact/hooks";
import { estimatedTokens } from "../../protocol/tokens.ts";
import { call } from "../live/api.ts";
import { peers } from "../live/mesh.ts";
import { say } from "../live/toasts.ts";
import { Dialog } from "../parts/dialog.tsx";
import { AttachButton, FilesToSend, takePasted, useDrop, useTray } from "./file-field.tsx";

/** What it costs is said before it is sent: each recipient reads it, and pays for it. */
export function BroadcastDialog({ circle, onClose }: { circle: string; onClose(): void }) {
  const [text, setText] = useState("");
  const [refusal, setRefusal] = useState("");
  const [isSending, setIsSending] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const tray = useTray();
  const isOver = useDrop(form, tray, isSending);
  const to = peers.value.filter(
    (peer) => peer.circle === circle && peer.role !== "human" && peer.presence.state !== "offline",
  );
  async function send(event: Event): Promise<void> {
    event.preventDefault();
    setIsSending(true);
    setRefusal("");
    try {
      const ids = await tray.ready();
      const attachments = ids.length > 0 ? ids : undefined;
      const { recipients, left_out } = await call("broadcast", { text, circle, attachments });
      const without = left_out.map(({ peer, reason }) => `${peer} ${reason}`).join(", ");
      say(
        `Stored for ${recipients.length}: ${recipients.map(({ peer }) => peer).join(", ")}.${without ? ` Not for: ${without}.` : ""}`,
      );
      onClose();
    } catch (error) {
      setRefusal((error as Error).message);
    }
    setIsSending(false);
  }
  const tokens = estimatedTokens(text, to.length);
  return (
    <Dialog title={`Tell all of ${circle}`} onClose={onClose}>
      <form ref={form} class={isOver ? "dropping" : ""} onSubmit={(event) => void send(event)}>
        {refusal ? (
          <p class="refusal" role="alert">
            <strong>Not sent.</strong> {refusal}
          </p>
        ) : null}
        <label>
          What all should know
          <textarea
            rows={4}
            value={text}
            onPaste={(event) => takePasted(event, tray)}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <FilesToSend tray={tray} />
        <AttachButton tray={tray} isOff={isSending} words="Attach files" />
        <p role="status">
          Goes to {to.length} {to.length === 1 ? "session" : "sessions"}
          {to.length > 0 ? ` (${to.map(({ name }) => name).join(", ")})` : ""}, about {tokens.toLocaleString()} tokens
          together (an estimate). It starts no turn: each reads it with its next one.
        </p>
        <div class="dialog-row">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="main" disabled={isSending || text.trim() === "" || to.length === 0}>
            {isSending ? "Sending…" : `Tell ${to.length}`}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
