import { Component } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { OperationOutput } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { me, now, onEvents } from "../live/mesh.ts";
import { address } from "../live/route.ts";
import { ASK, DELIVERY, duration, KIND, type Said, timeOf } from "../live/say.ts";
import type { Row } from "../live/timeline.ts";
import { Markdown } from "../parts/markdown.tsx";
import { StateChip } from "../parts/state.tsx";
import { Attachments } from "./attachments.tsx";

interface Props {
  row: Row;
  isOpen: boolean;
  onToggle(): void;
}

/** One message: who to whom, what, and exactly what is proven about it. Drawn anew only when it changed. */
export class MessageRow extends Component<Props> {
  override shouldComponentUpdate(next: Props): boolean {
    return next.row !== this.props.row || next.isOpen !== this.props.isOpen;
  }

  override render({ row, isOpen, onToggle }: Props) {
    const to = row.to.map(({ peer }) => peer);
    const isMine = row.from_id === me.value?.id;
    return (
      <article class={`message ${row.kind} ${isMine ? "mine" : ""}`} aria-label={`${row.from} ${KIND[row.kind]}`}>
        <header>
          <strong>{row.from}</strong> <span class="quiet">{KIND[row.kind]}</span> <span>{names(to)}</span>
          <time class="quiet" dateTime={new Date(row.at).toISOString()}>
            {timeOf(row.at, now.peek())}
          </time>
        </header>
        <Body row={row} />
        <Attachments files={row.attachments} />
        <footer>
          <States row={row} />
          <button type="button" class="small" aria-expanded={isOpen} onClick={onToggle}>
            Trace
          </button>
          <a class="small" href={address({ view: "thread", id: row.thread })}>
            Thread
          </a>
        </footer>
        {isOpen ? <Trace id={row.message} /> : null}
      </article>
    );
  }
}

const NAMES_SHOWN = 3;

function names(to: readonly string[]): string {
  return to.length <= NAMES_SHOWN
    ? to.join(", ")
    : `${to.slice(0, NAMES_SHOWN).join(", ")} +${to.length - NAMES_SHOWN}`;
}

function Body({ row }: { row: Row }) {
  const [rest, setRest] = useState<string | undefined>(undefined);
  const [why, setWhy] = useState("");
  if (row.kind === "permission") return <pre class="preview">{row.text}</pre>;
  const more = async () => {
    try {
      setRest(await wholeText(row));
    } catch (error) {
      setWhy((error as Error).message);
    }
  };
  return (
    <>
      <Markdown text={rest ?? row.text} />
      {row.rest_chars > 0 && rest === undefined ? (
        <button type="button" class="small" onClick={() => void more()}>
          Show the rest ({row.rest_chars.toLocaleString()} characters)
        </button>
      ) : null}
      {why ? <p role="alert">{why}</p> : null}
    </>
  );
}

/** All of a message's text, of which lists show the beginning. */
export async function wholeText({ message, thread }: Pick<Row, "message" | "thread">): Promise<string> {
  for (let after: number | undefined; ; ) {
    const page: OperationOutput<"export"> = await call("export", { thread, bodies: true, after });
    const found = page.messages.find(({ id }) => id === message)?.body;
    if (found !== undefined) return found;
    if (page.cursor === undefined) throw new Error("The daemon no longer keeps that message.");
    after = page.cursor;
  }
}

const ENTERED: Said = {
  word: "taken in",
  means: "its runtime took it into the conversation; whether the model read it is not proven yet",
  tone: "moving",
  mark: "◕",
};

/** Of several recipients, how many are in each state. */
function States({ row }: { row: Row }) {
  const [only] = row.to;
  const question = row.kind === "ask" && row.ask ? <StateChip said={ASK[row.ask]} /> : null;
  if (row.to.length === 1 && only) {
    const isTaken = row.entered?.[only.id] && only.state === "presented";
    return (
      <span class="states">
        <StateChip said={isTaken ? ENTERED : DELIVERY[only.state]} />
        {question}
      </span>
    );
  }
  const counts = Map.groupBy(row.to, ({ state }) => state);
  return (
    <span class="states">
      {[...counts].map(([state, of]) => (
        <StateChip said={DELIVERY[state]} prefix={String(of.length)} />
      ))}
      {question}
    </span>
  );
}

/** Everything that is known about it, step by step, as it becomes known. */
function Trace({ id }: { id: string }) {
  const [trace, setTrace] = useState<OperationOutput<"trace"> | undefined>(undefined);
  const [why, setWhy] = useState("");
  useEffect(() => {
    let isOver = false;
    const load = () =>
      void call("trace", { id }).then(
        (found) => !isOver && setTrace(found),
        (error: Error) => !isOver && setWhy(error.message),
      );
    load();
    const stop = onEvents((event) => {
      if (event.message === id) load();
    }, load);
    return () => {
      isOver = true;
      stop();
    };
  }, [id]);
  if (why) return <p role="alert">{why}</p>;
  if (!trace) return <p class="quiet trace">Loading the trace…</p>;
  return (
    <div class="trace">
      <ol>
        <li>
          <span class="at">0 ms</span> accepted <span class="quiet">stored first</span>
        </li>
        {trace.steps.map((step) => (
          <li>
            <span class="at">{duration(step.at)}</span> {step.state} {step.peer ?? ""}{" "}
            {step.detail ? <span class="quiet">({step.detail})</span> : null}
          </li>
        ))}
      </ol>
      {trace.ask?.detail ? <p class="quiet">{trace.ask.detail}</p> : null}
      <p class="quiet">
        <code>repowire trace {trace.id}</code>
      </p>
    </div>
  );
}
