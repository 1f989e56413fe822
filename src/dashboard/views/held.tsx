import { useState } from "preact/hooks";
import { call } from "../live/api.ts";
import { visible } from "../live/markdown.ts";
import { connection, type Held, now } from "../live/mesh.ts";
import { address } from "../live/route.ts";
import { span } from "../live/say.ts";
import { attempt } from "../live/toasts.ts";
import { Markdown } from "../parts/markdown.tsx";
import { wholeText } from "./message.tsx";

const WHAT: Record<Held["kind"], string> = {
  ask: "a question",
  answer: "an answer",
  notify: "a message",
  broadcast: "a message to all",
  permission: "a permission request",
};

/** A message that its recipient's gate keeps back. As with permissions, neither verdict is chosen beforehand. */
export function HeldMessage({ message }: { message: Held }) {
  const { id, from, to, kind, can_decide: isOurs } = message;
  // The gate marks its own reasons for the daemon; a person need not read the mark, nor the command that this page replaces.
  const why = message.reason.replace(/^gate: /, "").split("; fix:")[0] ?? "";
  return (
    <article class="wait" aria-label={`A message of ${from} for ${to} is held`}>
      <h2>
        <span class="mark" aria-hidden="true">
          ‖
        </span>
        <strong>{visible(from)}</strong> has {WHAT[kind]} for{" "}
        <a href={address({ view: "peer", id: message.to_id })}>{visible(to)}</a>, held
      </h2>
      <p class="quiet">
        held {span(now.value - message.queued_at)}
        {why ? `: ${visible(why)}` : ""}
      </p>
      <HeldText message={message} />
      {isOurs ? (
        <Verdict message={message} />
      ) : (
        <p class="quiet">Its own runtime holds it: only the person at that session can let it in.</p>
      )}
      <p class="quiet small-print">
        <a href={address({ view: "thread", id: message.message })}>See the thread</a> <code>{id}</code>
      </p>
    </article>
  );
}

function HeldText({ message }: { message: Held }) {
  const [whole, setWhole] = useState<string | undefined>(undefined);
  const more = () =>
    attempt(async () => {
      setWhole(await wholeText({ message: message.message, thread: message.message }));
      return "That is all of it.";
    });
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <div class="held-text" tabIndex={0}>
      <Markdown text={whole ?? message.text} />
      {message.rest_chars > 0 && whole === undefined ? (
        <button type="button" class="small" onClick={() => void more()}>
          Show the rest ({message.rest_chars.toLocaleString()} characters)
        </button>
      ) : null}
    </div>
  );
}

function Verdict({ message: { id, to, from } }: { message: Held }) {
  const [reason, setReason] = useState("");
  const [running, setRunning] = useState<"release" | "refuse" | undefined>(undefined);
  async function decide(verdict: "release" | "refuse"): Promise<void> {
    setRunning(verdict);
    await attempt(async () => {
      const why = verdict === "refuse" && reason.trim() !== "" ? { reason: reason.trim() } : {};
      const { state } = await call("decide_held", { id, verdict, ...why });
      return verdict === "release" ? `Let through: for ${to} it is ${state} now.` : `Sent back; ${from} is told why.`;
    });
    setRunning(undefined);
  }
  const isOff = running !== undefined || connection.value !== "live";
  return (
    <>
      <label class="reason">
        <span>Reason if you refuse, for its sender (not needed)</span>
        <input type="text" maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <div class="verdicts">
        <button type="button" class="deny" disabled={isOff} onClick={() => void decide("refuse")}>
          {running === "refuse" ? "Refusing…" : "Refuse"}
        </button>
        <button type="button" class="allow" disabled={isOff} onClick={() => void decide("release")}>
          {running === "release" ? "Letting through…" : "Let through"}
        </button>
      </div>
    </>
  );
}
