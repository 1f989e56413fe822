import { useEffect, useRef, useState } from "preact/hooks";
import type { OperationInput, OperationOutput } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { dayEnd, dayStart } from "../live/days.ts";
import { visible } from "../live/markdown.ts";
import { now, peers } from "../live/mesh.ts";
import { address, type FindFilters, go } from "../live/route.ts";
import { KIND, timeOf } from "../live/say.ts";
import { SaveRun } from "./save-run.tsx";

type Found = OperationOutput<"search">["messages"][number];
type Page = { messages: Found[]; cursor?: number };

const PAGE = 30;
const BEGINNING_CHARS = 200;

/** Messages by their words, and by who, whom, what and when. Its address holds all of that. */
export function Find({ words, filters }: { words: string; filters: FindFilters }) {
  const [text, setText] = useState(words);
  const [found, setFound] = useState<Found[]>([]);
  const [cursor, setCursor] = useState<number | undefined>(undefined);
  const [state, setState] = useState<"looking" | "done" | "refused">("looking");
  const [why, setWhy] = useState("");
  const [isSaving, setIsSaving] = useState(false);

  const looks = useRef(0);

  async function look(from?: number): Promise<void> {
    const own = ++looks.current;
    setState("looking");
    try {
      const page = await find(words, filters, from);
      // Something else is looked for by now.
      if (own !== looks.current) return;
      setFound((known) => (from === undefined ? page.messages : [...known, ...page.messages]));
      setCursor(page.cursor);
      setState("done");
    } catch (error) {
      if (own !== looks.current) return;
      setFound([]);
      setCursor(undefined);
      setWhy((error as Error).message);
      setState("refused");
    }
  }
  // The view stays while its address changes: whoever types a day keeps the field.
  const here = address({ view: "find", words, filters });
  useEffect(() => {
    setText(words);
    void look();
  }, [here]);

  return (
    <section class="find" aria-labelledby="find-title">
      <header class="view-head">
        <h1 id="find-title">Find</h1>
        <div class="actions">
          <a class="button small" href={address({ view: "replay" })}>
            Replay
          </a>
          <button type="button" class="small" onClick={() => setIsSaving(true)}>
            Save a run…
          </button>
        </div>
      </header>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          go({ view: "find", words: text, filters });
        }}
      >
        <input
          type="search"
          data-writes
          aria-label="Words of a message"
          placeholder='words, or "an exact phrase"'
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="main">
          Find
        </button>
      </form>
      <Filters
        filters={filters}
        onChange={(part) => go({ view: "find", words: text, filters: { ...filters, ...part } })}
      />
      <p role="status" class="quiet">
        {state === "looking"
          ? "Looking…"
          : state === "done"
            ? countText(found.length, cursor !== undefined, words)
            : ""}
      </p>
      {state === "refused" ? <p role="alert">{why}</p> : null}
      <ul class="found">
        {found.map((message) => (
          <li key={message.message}>
            <a href={address({ view: "thread", id: message.thread, open: message.message })}>
              <span class="found-head">
                <strong>{visible(message.from)}</strong> {KIND[message.kind]}{" "}
                {message.to.map(({ peer }) => visible(peer)).join(", ")}
                <span class="quiet"> · {timeOf(message.at, now.value)}</span>
              </span>
              <Snippet snippet={message.snippet} />
            </a>
          </li>
        ))}
      </ul>
      {cursor === undefined ? null : (
        <button type="button" disabled={state === "looking"} onClick={() => void look(cursor)}>
          Older ones
        </button>
      )}
      {isSaving ? <SaveRun since={filters.since} onClose={() => setIsSaving(false)} /> : null}
    </section>
  );
}

const countText = (count: number, isMore: boolean, words: string): string =>
  `${count}${isMore ? "+" : ""} ${words.trim() === "" ? "newest" : "found"}`;

/** Without words there is nothing to search for: then it is the newest that fit. */
async function find(words: string, filters: FindFilters, cursor: number | undefined): Promise<Page> {
  const { kind, peer, from } = filters;
  const wish = { kind, peer, from, since: dayStart(filters.since), until: dayEnd(filters.until), limit: PAGE, cursor };
  if (words.trim() !== "") return call("search", { words, ...wish });
  const page = await call("history", wish satisfies OperationInput<"history">);
  const messages = page.messages.toReversed().map((message) => ({
    ...message,
    snippet: { text: message.text.slice(0, BEGINNING_CHARS), marks: [] },
  }));
  return { messages, cursor: page.cursor };
}

function Filters({ filters, onChange }: { filters: FindFilters; onChange(part: FindFilters): void }) {
  const isSet = Object.values(filters).some((value) => value !== undefined);
  return (
    <details open={isSet || matchMedia("(min-width: 50rem)").matches}>
      <summary>Narrow it down</summary>
      <div class="filters">
        <PeerChoice label="Sent by" value={filters.from} onChange={(from) => onChange({ from })} />
        <PeerChoice label="By or to" value={filters.peer} onChange={(peer) => onChange({ peer })} />
        <label>
          Kind
          <select
            value={filters.kind ?? ""}
            onChange={(event) => onChange({ kind: (event.currentTarget.value || undefined) as FindFilters["kind"] })}
          >
            <option value="">all</option>
            <option value="ask">questions</option>
            <option value="answer">answers</option>
            <option value="notify">one-way</option>
            <option value="broadcast">to all</option>
            <option value="permission">permissions</option>
          </select>
        </label>
        <label>
          From day
          <input
            type="date"
            value={filters.since ?? ""}
            onChange={(event) => onChange({ since: event.currentTarget.value || undefined })}
          />
        </label>
        <label>
          To day
          <input
            type="date"
            value={filters.until ?? ""}
            onChange={(event) => onChange({ until: event.currentTarget.value || undefined })}
          />
        </label>
        {isSet ? (
          <button
            type="button"
            class="small"
            onClick={() =>
              onChange({ from: undefined, peer: undefined, kind: undefined, since: undefined, until: undefined })
            }
          >
            Clear
          </button>
        ) : null}
      </div>
    </details>
  );
}

/** By id, which a rename does not change; an address may also name one that is gone. */
function PeerChoice(props: { label: string; value: string | undefined; onChange(value: string | undefined): void }) {
  const { label, value, onChange } = props;
  const known = peers.value.toSorted((a, b) => a.name.localeCompare(b.name));
  const isOther = value !== undefined && !known.some(({ id }) => id === value);
  return (
    <label>
      {label}
      <select value={value ?? ""} onChange={(event) => onChange(event.currentTarget.value || undefined)}>
        <option value="">anybody</option>
        {isOther ? <option value={value}>{visible(value)}</option> : null}
        {known.map(({ id, name, circle }) => (
          <option key={id} value={id}>
            {visible(name)}
            {circle === "default" ? "" : ` (${visible(circle)})`}
          </option>
        ))}
      </select>
    </label>
  );
}

function Snippet({ snippet: { text, marks } }: { snippet: Found["snippet"] }) {
  const parts = [];
  let at = 0;
  for (const [start, end] of marks) {
    parts.push(text.slice(at, start), <mark>{text.slice(start, end)}</mark>);
    at = end;
  }
  parts.push(text.slice(at));
  return <span class="snippet">{parts}</span>;
}
