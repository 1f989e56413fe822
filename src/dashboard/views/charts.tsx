import type { OperationOutput } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { useLoaded } from "../live/load.ts";
import { duration } from "../live/say.ts";
import { Spark } from "../parts/spark.tsx";

type Samples = OperationOutput<"samples">;
type Sample = Samples["samples"][number];

const MB = 1024 * 1024;
const EVERY_MS = 15_000;
/** An hour; a daemon that is younger fills it from the right. */
const ROOM_MS = 3_600_000;

interface Chart {
  title: string;
  of(sample: Sample): number | undefined;
  say(value: number): string;
}

const count = (value: number): string => Math.round(value).toLocaleString();

const CHARTS: readonly Chart[] = [
  { title: "Messages accepted", of: ({ accepted }) => accepted, say: count },
  { title: "Requests refused", of: ({ refused }) => refused, say: count },
  { title: "Open questions", of: ({ open_asks }) => open_asks, say: count },
  { title: "Calls that wait", of: ({ waiting_calls }) => waiting_calls, say: count },
  { title: "One commit", of: ({ commit_ms }) => commit_ms, say: (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms` },
  { title: "Memory", of: ({ memory_bytes }) => memory_bytes / MB, say: (value) => `${count(value)} MB` },
];

/** How busy the daemon was, by its own notes: also from before this page was opened. */
export function Charts() {
  const { value, why } = useLoaded(() => call("samples", {}), EVERY_MS);
  const samples = value?.samples ?? [];
  const every = value?.every_ms ?? EVERY_MS;
  return (
    <section aria-labelledby="charts-title">
      <h2 id="charts-title">The last hour</h2>
      {why ? <p role="alert">{why}</p> : null}
      <p class="quiet">
        {value === undefined
          ? "Loading…"
          : samples.length === 0
            ? `The first note is made ${duration(every)} after the daemon's start.`
            : `Noted every ${duration(every)}${samples.length * every < ROOM_MS ? `; ${duration(samples.length * every)} so far` : ""}.`}
      </p>
      <ul class="charts">
        {CHARTS.map((chart) => (
          <li key={chart.title}>
            <One chart={chart} samples={samples} room={Math.round(ROOM_MS / every)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function One({ chart: { title, of, say }, samples, room }: { chart: Chart; samples: readonly Sample[]; room: number }) {
  const values = samples.map(of);
  const known = values.filter((value) => value !== undefined);
  const newest = known.at(-1);
  const text = newest === undefined ? "nothing yet" : `${say(newest)}, most ${say(Math.max(...known))}`;
  return (
    <figure class="chart">
      <figcaption>
        {title}
        <span class="quiet">{text}</span>
      </figcaption>
      <Spark values={values} room={room} label={`${title} over the last hour: ${text}`} />
    </figure>
  );
}
