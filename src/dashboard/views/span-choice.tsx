import { useState } from "preact/hooks";

interface Span {
  from: number;
  to: number;
}

const HOUR_MS = 3_600_000;
const LAST: readonly { label: string; ms: number }[] = [
  { label: "15 min", ms: HOUR_MS / 4 },
  { label: "hour", ms: HOUR_MS },
  { label: "6 hours", ms: 6 * HOUR_MS },
  { label: "day", ms: 24 * HOUR_MS },
];

/** The last while, or any time between two instants. */
export function SpanChoice({ span, onChoose }: { span: Span; onChoose(span: Span): void }) {
  const [from, setFrom] = useState(fieldText(span.from));
  const [to, setTo] = useState(fieldText(span.to));
  const [begin, end] = [new Date(from).getTime(), new Date(to).getTime()];
  const isRight = begin < end;
  return (
    <div class="span-choice">
      <div class="lasts">
        <span class="quiet">The last</span>
        {LAST.map(({ label, ms }) => (
          <button
            key={label}
            type="button"
            class="small"
            onClick={() => onChoose({ from: Date.now() - ms, to: Date.now() })}
          >
            {label}
          </button>
        ))}
      </div>
      <details>
        <summary>Between two moments</summary>
        <form
          class="filters"
          onSubmit={(event) => {
            event.preventDefault();
            if (isRight) onChoose({ from: begin, to: end });
          }}
        >
          <label>
            From
            <input type="datetime-local" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
          </label>
          <label>
            To
            <input type="datetime-local" value={to} onInput={(event) => setTo(event.currentTarget.value)} />
          </label>
          <button type="submit" disabled={!isRight}>
            Show
          </button>
        </form>
      </details>
    </div>
  );
}

/** An instant as such a field holds it: local time, to the minute. */
function fieldText(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}
