import { useEffect, useState } from "preact/hooks";
import type { OperationOutput } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { visible } from "../live/markdown.ts";
import { now, onEvents } from "../live/mesh.ts";
import { address } from "../live/route.ts";
import { age, DELIVERY, KIND, timeOf } from "../live/say.ts";

type Mismatch = OperationOutput<"mismatches">["mismatches"][number];

const SHOWN_AT_FIRST = 10;

/** Where the ledger and a session's own record differ: one by one, each with the way to all that is known about it. */
export function Mismatches() {
  const [found, setFound] = useState<Mismatch[] | undefined>(undefined);
  const [why, setWhy] = useState("");
  const [showsAll, setShowsAll] = useState(false);
  useEffect(() => {
    const load = () =>
      void call("mismatches", {}).then(
        ({ mismatches }) => {
          setFound(mismatches);
          setWhy("");
        },
        (error: Error) => setWhy(error.message),
      );
    load();
    return onEvents((event) => {
      if (event.type === "truth.mismatch") load();
    }, load);
  }, []);
  const shown = showsAll ? found : found?.slice(0, SHOWN_AT_FIRST);
  const rest = (found?.length ?? 0) - (shown?.length ?? 0);
  return (
    <section aria-labelledby="mismatches-title">
      <h2 id="mismatches-title">Ledger and records</h2>
      {why ? <p role="alert">{why}</p> : null}
      <p class="quiet">
        {found === undefined
          ? "Looking…"
          : found.length === 0
            ? "No delivery is known to differ from its session's own record."
            : `${found.length} ${found.length === 1 ? "delivery differs" : "deliveries differ"} from their sessions' own records.`}
      </p>
      <ul class="cards">
        {shown?.map((one) => (
          <li key={`${one.message}:${one.to_id}:${one.record}`}>
            <One mismatch={one} />
          </li>
        ))}
      </ul>
      {rest > 0 ? (
        <button type="button" onClick={() => setShowsAll(true)}>
          Show {rest} older ones
        </button>
      ) : null}
    </section>
  );
}

function One({ mismatch }: { mismatch: Mismatch }) {
  const { id, message, thread, kind, from, to, to_id, ledger, record, state, recorded_at: at, found_at } = mismatch;
  return (
    <article class="card" aria-label={`${from} ${KIND[kind]} ${to}: recorded otherwise than its session shows`}>
      <h3>
        <strong>{visible(from)}</strong> {KIND[kind]} <a href={address({ view: "peer", id: to_id })}>{visible(to)}</a>
      </h3>
      <dl class="pairs">
        <dt>Ledger said</dt>
        <dd>
          {DELIVERY[ledger.state].word}
          {ledger.proof ? ` (${ledger.proof})` : ""}
          {at === undefined ? "" : `, since ${timeOf(at, now.value)}`}
        </dd>
        <dt>Its record</dt>
        <dd>
          {record === "shown" ? "shows it, with the model's output after it" : "does not have it, read as a whole"}
        </dd>
        <dt>Found</dt>
        <dd>{age(now.value - found_at)}</dd>
        <dt>Now</dt>
        <dd>
          {record === "shown" && state === "seen" ? "seen: the missed receipt is made up for" : DELIVERY[state].word}
        </dd>
      </dl>
      <p>
        <a href={address({ view: "thread", id: thread, open: message })}>
          Its trace<span class="hidden"> ({id})</span>
        </a>{" "}
        <code>{id}</code>
      </p>
    </article>
  );
}
