import { useEffect, useState } from "preact/hooks";
import type { MessageKind, OperationOutput } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { now } from "../live/mesh.ts";
import { address, go } from "../live/route.ts";
import { KIND, timeOf } from "../live/say.ts";

type Found = OperationOutput<"search">["messages"][number];

const PAGE = 30;

export function Find({ words }: { words: string }) {
  const [text, setText] = useState(words);
  const [kind, setKind] = useState<MessageKind | "">("");
  const [found, setFound] = useState<Found[]>([]);
  const [cursor, setCursor] = useState<number | undefined>(undefined);
  const [state, setState] = useState<"idle" | "looking" | "done" | "refused">("idle");
  const [why, setWhy] = useState("");

  async function look(from?: number): Promise<void> {
    setState("looking");
    try {
      const page = await call("search", { words, limit: PAGE, cursor: from, ...(kind === "" ? {} : { kind }) });
      setFound((known) => (from === undefined ? page.messages : [...known, ...page.messages]));
      setCursor(page.cursor);
      setState("done");
    } catch (error) {
      setWhy((error as Error).message);
      setState("refused");
    }
  }
  useEffect(() => {
    if (words.trim() !== "") void look();
  }, [words, kind]);

  return (
    <section class="find" aria-labelledby="find-title">
      <header class="view-head">
        <h1 id="find-title">Find</h1>
      </header>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          go({ view: "find", words: text });
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
        <select
          aria-label="Kind"
          value={kind}
          onChange={(event) => setKind(event.currentTarget.value as MessageKind | "")}
        >
          <option value="">all</option>
          <option value="ask">questions</option>
          <option value="answer">answers</option>
          <option value="notify">one-way</option>
          <option value="broadcast">to all</option>
          <option value="permission">permissions</option>
        </select>
        <button type="submit" class="main">
          Find
        </button>
      </form>
      <p role="status" class="quiet">
        {state === "looking"
          ? "Looking…"
          : state === "done"
            ? `${found.length}${cursor === undefined ? "" : "+"} found`
            : ""}
      </p>
      {state === "refused" ? <p role="alert">{why}</p> : null}
      <ul class="found">
        {found.map((message) => (
          <li key={message.message}>
            <a href={address({ view: "thread", id: message.thread })}>
              <span class="found-head">
                <strong>{message.from}</strong> {KIND[message.kind]} {message.to.map(({ peer }) => peer).join(", ")}
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
    </section>
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
