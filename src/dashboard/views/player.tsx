import { useEffect, useState } from "preact/hooks";
import type { MeshEvent } from "../../protocol/index.ts";
import { visible } from "../live/markdown.ts";
import type { Flight, Instant, Replay } from "../live/replay.ts";
import { address } from "../live/route.ts";
import { DELIVERY, KIND, PRESENCE } from "../live/say.ts";
import { sayEvent } from "../live/say-event.ts";
import { MeshPicture } from "../parts/mesh-picture.tsx";

interface Props {
  replay: Replay;
  /** The index of the event that is looked at first. */
  first: number;
  /** The person rests at that event. */
  onSettle(seq: number): void;
}

/** Events that are listed around the moment. */
const AROUND = 9;
const SETTLE_MS = 400;
/** Played as it happened, but no pause is longer than this, and nothing faster than an eye. */
const PAUSE_MS_MAX = 1_000;
const PAUSE_MS_MIN = 60;
const FLIGHTS_SHOWN = 8;

export function Player({ replay, first, onSettle }: Props) {
  const [index, setIndex] = useState(first);
  const [isPlaying, setIsPlaying] = useState(false);
  const { events, cast } = replay;
  const last = events.length - 1;
  const event = events[index];
  const next = events[index + 1];
  useEffect(() => {
    const timer = setTimeout(() => event && onSettle(event.seq), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [index]);
  useEffect(() => {
    if (!isPlaying) return undefined;
    if (!event || !next) {
      setIsPlaying(false);
      return undefined;
    }
    const wait = Math.max(PAUSE_MS_MIN, Math.min(PAUSE_MS_MAX, next.at - event.at));
    const timer = setTimeout(() => setIndex(index + 1), wait);
    return () => clearTimeout(timer);
  }, [isPlaying, index]);
  const go = (to: number) => {
    setIsPlaying(false);
    setIndex(Math.max(0, Math.min(last, to)));
  };
  const instant = replay.at(index);
  const nameOf = (id: string | undefined) => (id ? visible(instant.peers.get(id)?.name ?? "a peer that is gone") : "");
  if (!event) return null;
  const said = visible(sayEvent(event, nameOf));
  return (
    <div class="player">
      <div class="slider">
        <input
          type="range"
          min={0}
          max={last}
          value={index}
          aria-label="Moment"
          data-seq={event.seq}
          aria-valuetext={`${clock(event.at)}, ${said}`}
          onInput={({ currentTarget }) => go(Number(currentTarget.value))}
        />
        <div class="slider-row">
          <button type="button" aria-label="Event before" disabled={index === 0} onClick={() => go(index - 1)}>
            ‹
          </button>
          <button
            type="button"
            class="main"
            aria-pressed={isPlaying}
            onClick={() => {
              if (index === last) setIndex(0);
              setIsPlaying(!isPlaying);
            }}
          >
            {isPlaying ? "Pause" : "Play"}
          </button>
          <button type="button" aria-label="Event after" disabled={index === last} onClick={() => go(index + 1)}>
            ›
          </button>
          <p class="moment">
            <time dateTime={new Date(event.at).toISOString()}>{clock(event.at)}</time>{" "}
            <span class="quiet">
              {(index + 1).toLocaleString()} of {events.length.toLocaleString()}
            </span>
          </p>
        </div>
      </div>
      <Picture instant={instant} cast={cast} event={event} />
      <div class="moments">
        <Around events={events} index={index} nameOf={nameOf} onGo={go} />
        <UnderWay instant={instant} cast={cast} nameOf={nameOf} />
      </div>
    </div>
  );
}

const clock = (at: number): string => {
  const date = new Date(at);
  return `${date.toLocaleDateString([], { month: "short", day: "numeric" })} ${date.toLocaleTimeString([], { hourCycle: "h23" })}.${String(at % 1_000).padStart(3, "0")}`;
};

function Picture({ instant, cast, event }: { instant: Instant; cast: readonly string[]; event: MeshEvent }) {
  const nodes = cast.map((id) => {
    const peer = instant.peers.get(id);
    return { id, name: peer?.name ?? id, state: `${peer?.presence ?? "absent"} ${id === event.peer ? "acts" : ""}` };
  });
  const lines = [...instant.flights.values()].flatMap((flight) =>
    flight.from
      ? [
          {
            key: `${flight.message}:${flight.to}`,
            from: flight.from,
            to: flight.to,
            class: `under-way ${flight.state} ${flight.message === event.message ? "now" : ""}`,
          },
        ]
      : [],
  );
  return <MeshPicture nodes={nodes} lines={lines} />;
}

function Around(props: {
  events: readonly MeshEvent[];
  index: number;
  nameOf(id: string | undefined): string;
  onGo(index: number): void;
}) {
  const { events, index, nameOf, onGo } = props;
  const begin = Math.max(0, Math.min(index - Math.floor(AROUND / 2), events.length - AROUND));
  const shown = events.slice(begin, begin + AROUND);
  const message = events[index]?.message;
  return (
    <section aria-label="Events around it" class="around">
      <h2>Events</h2>
      <ol>
        {shown.map((event, at) => (
          <li key={event.seq} aria-current={begin + at === index ? "true" : undefined}>
            <button type="button" class="plain" onClick={() => onGo(begin + at)}>
              <span class="quiet">{clock(event.at).slice(-12)}</span> {visible(sayEvent(event, nameOf))}
            </button>
          </li>
        ))}
      </ol>
      <p class="to-thread">
        {message ? <a href={address({ view: "thread", id: message, open: message })}>What was said</a> : " "}
      </p>
    </section>
  );
}

function UnderWay(props: { instant: Instant; cast: readonly string[]; nameOf(id: string | undefined): string }) {
  const { instant, cast, nameOf } = props;
  const flights = [...instant.flights.values()];
  return (
    <section aria-label="As it was" class="as-it-was">
      <h2>As it was</h2>
      <ul>
        {cast.map((id) => {
          const state = instant.peers.get(id)?.presence ?? "absent";
          return (
            <li key={id}>
              {nameOf(id)} <span class="quiet">{stateText(state)}</span>
            </li>
          );
        })}
      </ul>
      <h3>
        Under way: {flights.length}; open questions: {instant.asks.size}
      </h3>
      <ul>
        {flights.slice(-FLIGHTS_SHOWN).map((flight) => (
          <li key={`${flight.message}:${flight.to}`}>{sayFlight(flight, nameOf)}</li>
        ))}
      </ul>
    </section>
  );
}

function stateText(state: keyof typeof PRESENCE | "unknown" | "absent"): string {
  if (state === "unknown") return "not known";
  return state === "absent" ? "not here" : PRESENCE[state];
}

function sayFlight({ from, to, kind, state }: Flight, nameOf: (id: string | undefined) => string): string {
  const sender = from ? nameOf(from) : "sent before that time";
  return `${sender} ${kind ? KIND[kind] : "→"} ${nameOf(to)}: ${state === "entered" ? "taken in" : DELIVERY[state].word}`;
}
