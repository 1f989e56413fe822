import { useEffect, useMemo, useState } from "preact/hooks";
import { call } from "../live/api.ts";
import { peers } from "../live/mesh.ts";
import { createReplay, type Replay } from "../live/replay.ts";
import { address, go, type Route, settle } from "../live/route.ts";
import { loadSpan, SPAN_EVENTS_MAX } from "../live/span.ts";
import { Player } from "./player.tsx";
import { SpanChoice } from "./span-choice.tsx";

type At = Extract<Route, { view: "replay" }>;

const HOUR_MS = 3_600_000;

/** A time of the log, to go through with a slider: who was how, and what was under way. */
export function ReplayView({ at }: { at: At }) {
  const span = useMemo(() => spanOf(at), [at.from, at.to]);
  const [replay, setReplay] = useState<Replay | undefined>(undefined);
  const [isCut, setIsCut] = useState(false);
  const [count, setCount] = useState(0);
  const [why, setWhy] = useState("");
  useEffect(() => {
    const ended = new AbortController();
    setReplay(undefined);
    setWhy("");
    setCount(0);
    loadSpan(call, span, setCount, ended.signal).then(
      ({ events, isCut: cut }) => {
        if (ended.signal.aborted) return;
        setIsCut(cut);
        setReplay(createReplay(events, peers.value));
      },
      (error: Error) => {
        if (!ended.signal.aborted) setWhy(error.message);
      },
    );
    return () => ended.abort();
  }, [span]);
  const first = replay?.events.findIndex(({ seq }) => seq >= (at.at ?? 0)) ?? -1;
  return (
    <section class="replay" aria-labelledby="replay-title">
      <header class="view-head">
        <a class="back" href={address({ view: "mesh" })} aria-label="Back to the mesh">
          ‹
        </a>
        <h1 id="replay-title">Replay</h1>
      </header>
      <SpanChoice
        key={`${span.from}-${span.to}`}
        span={span}
        onChoose={(chosen) => go({ view: "replay", ...chosen })}
      />
      {why ? <p role="alert">{why}</p> : null}
      <p role="status" class="quiet">
        {replay
          ? `${replay.events.length.toLocaleString()} events${isCut ? `: the first ${SPAN_EVENTS_MAX.toLocaleString()} of that time; choose a shorter one to see the rest` : ""}`
          : why
            ? ""
            : `Loading… ${count.toLocaleString()} events`}
      </p>
      {replay && replay.events.length > 0 ? (
        <Player
          replay={replay}
          first={at.at === undefined || first < 0 ? replay.events.length - 1 : first}
          onSettle={(seq) => settle({ view: "replay", ...span, at: seq })}
        />
      ) : null}
      {replay?.events.length === 0 ? <p class="empty">Nothing happened in that time.</p> : null}
    </section>
  );
}

const spanOf = ({ from, to }: At): { from: number; to: number } =>
  from !== undefined && to !== undefined ? { from, to } : { from: Date.now() - HOUR_MS, to: Date.now() };
