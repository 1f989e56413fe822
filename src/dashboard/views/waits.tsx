import { useState } from "preact/hooks";
import type { Approval, Pause, Peer } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { visible } from "../live/markdown.ts";
import {
  approvals,
  connection,
  held,
  heldMore,
  now,
  pauses,
  questionsToMe,
  waitCount,
  waitingElsewhere,
} from "../live/mesh.ts";
import { askForNotices, permission } from "../live/notify.ts";
import { address } from "../live/route.ts";
import { presenceLine, RUNTIME, span } from "../live/say.ts";
import type { Row } from "../live/timeline.ts";
import { attempt } from "../live/toasts.ts";
import { Command } from "../parts/copy.tsx";
import { Markdown } from "../parts/markdown.tsx";
import { HeldMessage } from "./held.tsx";
import { OpenQuestion } from "./own-turns.tsx";

/** What goes on only when a person has done something. */
export function Waits() {
  return (
    <section class="waits" aria-labelledby="waits-title">
      <header class="view-head">
        <h1 id="waits-title">Waits on me</h1>
        <p class="quiet">{waitCount.value === 0 ? "" : `${waitCount.value} to decide`}</p>
        {permission.value === "default" ? (
          <div class="actions">
            <button type="button" class="small" onClick={() => void askForNotices()}>
              Notify me
            </button>
          </div>
        ) : null}
      </header>
      {waitCount.value === 0 ? (
        <p class="empty">
          Nothing waits on you. Permission requests, questions to you, held and paused messages come up here, the oldest
          first.
        </p>
      ) : null}
      <ul class="wait-list">
        {approvals.value.map((approval) => (
          <li key={approval.message}>
            <Permission approval={approval} />
          </li>
        ))}
        {questionsToMe.value.map((question) => (
          <li key={question.message}>
            <Question question={{ ...question }} />
          </li>
        ))}
        {held.value.map((message) => (
          <li key={message.id}>
            <HeldMessage message={message} />
          </li>
        ))}
        {heldMore.value > 0 ? (
          <li class="quiet">{heldMore.value} more are held; they come up here when these are decided.</li>
        ) : null}
        {waitingElsewhere.value.map((peer) => (
          <li key={peer.id}>
            <Elsewhere peer={peer} />
          </li>
        ))}
        {pauses.value.map((pause) => (
          <li key={pause.id}>
            <Paused pause={pause} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Neither is chosen beforehand, and neither key presses nor time choose one. */
function Permission({ approval }: { approval: Approval }) {
  const [reason, setReason] = useState("");
  const [running, setRunning] = useState<"allow" | "deny" | undefined>(undefined);
  async function decide(verdict: "allow" | "deny"): Promise<void> {
    setRunning(verdict);
    await attempt(async () => {
      const input = { id: approval.handle, verdict, ...(reason.trim() === "" ? {} : { reason: reason.trim() }) };
      const { approval: decided } = await call("decide", input);
      return `${decided.tool} of ${decided.peer_name}: ${decided.state}.`;
    });
    setRunning(undefined);
  }
  const isOff = running !== undefined || connection.value !== "live";
  return (
    <article class="wait" aria-label={`${approval.peer_name} asks permission for ${approval.tool}`}>
      <h2>
        <span class="mark warn-mark" aria-hidden="true">
          !
        </span>
        <a href={address({ view: "peer", id: approval.peer })}>{approval.peer_name}</a> wants to use{" "}
        <strong>{visible(approval.tool)}</strong>
      </h2>
      <p class="quiet">waits {span(now.value - approval.requested_at)}</p>
      {approval.description ? <p>{visible(approval.description)}</p> : null}
      <Preview text={approval.preview} />
      <label class="reason">
        <span>Reason, for the model (not needed)</span>
        <input type="text" maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <div class="verdicts">
        <button type="button" class="deny" disabled={isOff} onClick={() => void decide("deny")}>
          {running === "deny" ? "Denying…" : "Deny"}
        </button>
        <button type="button" class="allow" disabled={isOff} onClick={() => void decide("allow")}>
          {running === "allow" ? "Approving…" : "Approve"}
        </button>
      </div>
      <p class="quiet small-print">Its own terminal can decide it as well: the first verdict counts.</p>
    </article>
  );
}

/** A diff is shown with its signs, which say the same as its colours. */
function Preview({ text }: { text: string }) {
  const lines = visible(text).split("\n");
  const isDiff = lines.some((line) => line.startsWith("@@ ")) || (/^--- /m.test(text) && /^\+\+\+ /m.test(text));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <pre class="preview" tabIndex={0}>
      {isDiff
        ? lines.map((line) => (
            <span
              class={line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : undefined}
            >{`${line}\n`}</span>
          ))
        : visible(text)}
    </pre>
  );
}

function Question({ question }: { question: Row }) {
  const [text, setText] = useState("");
  const [isSending, setIsSending] = useState(false);
  const [handle] = question.to;
  async function answer(outcome: "answer" | "decline"): Promise<void> {
    if (!handle) return;
    setIsSending(true);
    const isDone = await attempt(async () => {
      const { peer, outcome: made } = await call("reply", { id: handle.id, text, outcome });
      return made === "decline" ? `Declined; ${peer} is told why.` : `Your answer is stored for ${peer}.`;
    });
    if (isDone) setText("");
    setIsSending(false);
  }
  const isOff = isSending || text.trim() === "" || connection.value !== "live";
  return (
    <article class="wait" aria-label={`${question.from} asks you`}>
      <h2>
        <span class="mark" aria-hidden="true">
          ?
        </span>
        <strong>{question.from}</strong> asks you
      </h2>
      <p class="quiet">asked {span(now.value - question.at)} ago</p>
      <Markdown text={question.text} />
      <label class="reason">
        <span>Answer</span>
        <textarea rows={3} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <div class="verdicts">
        <button type="button" disabled={isOff} onClick={() => void answer("decline")}>
          Decline
        </button>
        <button type="button" class="main" disabled={isOff} onClick={() => void answer("answer")}>
          {isSending ? "Sending…" : "Answer"}
        </button>
      </div>
    </article>
  );
}

/** Its runtime lets nobody decide from outside: no button could work, so there is none, but the way to its terminal. */
function Elsewhere({ peer }: { peer: Peer }) {
  const [command, setCommand] = useState("");
  const find = () =>
    attempt(async () => {
      const pane = await call("pane", { peer: peer.id });
      setCommand(pane.attach.join(" "));
      return `Its screen is ${pane.label}.`;
    });
  return (
    <article class="wait" aria-label={`${peer.name} waits in its own terminal`}>
      <h2>
        <span class="mark warn-mark" aria-hidden="true">
          !
        </span>
        <a href={address({ view: "peer", id: peer.id })}>{peer.name}</a> waits in its own terminal
      </h2>
      <p>{presenceLine(peer, now.value)}</p>
      <OpenQuestion peer={peer} />
      <p class="quiet">
        {peer.capabilities.includes("relay_permissions")
          ? "This request did not come here: decide it where the session runs."
          : `${RUNTIME[peer.runtime]} lets nobody decide from outside: decide it where the session runs.`}
        {peer.path ? ` It works in ${peer.path}.` : ""}
      </p>
      {peer.spawned_by && !command ? (
        <button type="button" class="small" onClick={() => void find()}>
          How to open its screen
        </button>
      ) : null}
      {command ? <Command text={command} /> : null}
    </article>
  );
}

function Paused({ pause }: { pause: Pause }) {
  const [isRunning, setIsRunning] = useState(false);
  const who = pause.peers.map(({ name }) => name).join(" and ");
  async function lift(): Promise<void> {
    setIsRunning(true);
    await attempt(async () => {
      await call("resume", { what: pause.id });
      return `${who} may write again.`;
    });
    setIsRunning(false);
  }
  return (
    <article class="wait" aria-label={`${who} are paused`}>
      <h2>
        <span class="mark" aria-hidden="true">
          ‖
        </span>
        {who}: messages are paused
      </h2>
      <p>{pause.reason}.</p>
      <p class="quiet">paused {span(now.value - pause.paused_at)} ago; answers still pass</p>
      <div class="verdicts">
        {pause.thread ? <a href={address({ view: "thread", id: pause.thread })}>See what was said</a> : null}
        <button
          type="button"
          class="main"
          disabled={isRunning || connection.value !== "live"}
          onClick={() => void lift()}
        >
          {isRunning ? "…" : "Let them go on"}
        </button>
      </div>
    </article>
  );
}
