import { useState } from "preact/hooks";
import type { Schedule } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { useLoaded } from "../live/load.ts";
import { visible } from "../live/markdown.ts";
import { now, sessions } from "../live/mesh.ts";
import { address } from "../live/route.ts";
import { timeOf } from "../live/say.ts";
import { attempt, say } from "../live/toasts.ts";

const EVERY_MS = 5_000;

/** Messages for later: at a time, again and again, or when a peer comes to something. */
export function Later() {
  const { value, why, again } = useLoaded(() => call("schedules", {}), EVERY_MS);
  return (
    <section class="later" aria-labelledby="later-title">
      <header class="view-head">
        <a class="back" href={address({ view: "mesh" })} aria-label="Back to the mesh">
          ‹
        </a>
        <h1 id="later-title">Later</h1>
      </header>
      <NewOne onMade={again} />
      {why ? <p role="alert">{why}</p> : null}
      {value?.schedules.length === 0 ? <p class="empty">Nothing is planned.</p> : null}
      <ul class="cards">
        {value?.schedules.map((schedule) => (
          <li key={schedule.id}>
            <One schedule={schedule} onRemoved={again} />
          </li>
        ))}
      </ul>
    </section>
  );
}

const MOMENTS = { idle: "is idle", waits: "waits for its person", ends: "ends" } as const;

function whenLine({ trigger, next_at }: Schedule): string {
  if (trigger.type === "peer") return `when ${visible(trigger.name)} ${MOMENTS[trigger.moment]}`;
  const at = next_at === undefined ? "no more" : `at ${timeOf(next_at, now.value)}`;
  return trigger.type === "cron" ? `${at}, then by ${visible(trigger.pattern)} (${visible(trigger.zone)})` : at;
}

function lastLine({ last }: Schedule): string {
  if (!last) return "not yet";
  return `${last.outcome} ${timeOf(last.at, now.value)}${last.reason ? `: ${visible(last.reason)}` : ""}`;
}

function One({ schedule, onRemoved }: { schedule: Schedule; onRemoved(): void }) {
  const { id, kind, from, from_id, to, to_id, text } = schedule;
  const [isRunning, setIsRunning] = useState(false);
  async function remove(): Promise<void> {
    setIsRunning(true);
    await attempt(async () => {
      await call("unschedule", { id });
      return `${id} is taken back: it will not be sent.`;
    });
    setIsRunning(false);
    onRemoved();
  }
  return (
    <article class="card" aria-label={`for later: ${id}`}>
      <h3>
        <strong>{visible(from)}</strong> {kind === "ask" ? "asks" : "tells"}{" "}
        <strong>{to_id === from_id ? "itself" : visible(to)}</strong>
      </h3>
      <blockquote>{visible(text)}</blockquote>
      <dl class="pairs">
        <dt>When</dt>
        <dd>{whenLine(schedule)}</dd>
        <dt>Last time</dt>
        <dd>{lastLine(schedule)}</dd>
      </dl>
      <p>
        <button type="button" class="small danger" disabled={isRunning} onClick={() => void remove()}>
          Take it back
        </button>
      </p>
    </article>
  );
}

/** What was refused stays in the fields, with the reason. */
function NewOne({ onMade }: { onMade(): void }) {
  const [peer, setPeer] = useState("");
  const [text, setText] = useState("");
  const [when, setWhen] = useState("");
  const [kind, setKind] = useState<Schedule["kind"]>("notify");
  const [refusal, setRefusal] = useState("");
  const [isSending, setIsSending] = useState(false);
  const to = peer || sessions.value[0]?.id || "";
  async function plan(event: Event): Promise<void> {
    event.preventDefault();
    setIsSending(true);
    setRefusal("");
    try {
      const { schedule } = await call("schedule", { peer: to, text, when, kind });
      say(`Planned ${schedule.id}: ${whenLine(schedule)}.`);
      setText("");
      onMade();
    } catch (error) {
      setRefusal((error as Error).message);
    }
    setIsSending(false);
  }
  return (
    <form class="card plan" onSubmit={(event) => void plan(event)}>
      {refusal ? (
        <p class="refusal" role="alert">
          <strong>Not planned.</strong> {refusal}
        </p>
      ) : null}
      <div class="plan-row">
        <label>
          What it is
          <select value={kind} onChange={(event) => setKind(event.currentTarget.value as Schedule["kind"])}>
            <option value="notify">Tell</option>
            <option value="ask">Ask</option>
          </select>
        </label>
        <label>
          Whom
          <select value={to} onChange={(event) => setPeer(event.currentTarget.value)}>
            {sessions.value.map(({ id, name, circle }) => (
              <option key={id} value={id}>
                {circle === "default" ? visible(name) : `${visible(name)}@${visible(circle)}`}
              </option>
            ))}
          </select>
        </label>
        <label>
          When
          <input
            value={when}
            placeholder="30m"
            aria-describedby="when-forms"
            onInput={(event) => setWhen(event.currentTarget.value)}
          />
        </label>
      </div>
      <label>
        Text
        <textarea rows={2} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <p class="quiet" id="when-forms">
        <code>30m</code>, <code>22:00</code>, <code>2026-12-02 09:00</code>, <code>cron 0 9 * * 1-5</code>, or{" "}
        <code>backend idle</code> (<code>waits</code>, <code>ends</code>).
      </p>
      <p>
        <button
          type="submit"
          class="main"
          disabled={isSending || to === "" || text.trim() === "" || when.trim() === ""}
        >
          {isSending ? "Planning…" : "Plan it"}
        </button>
      </p>
    </form>
  );
}
