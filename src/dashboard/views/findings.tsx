import type { Level, OperationOutput } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { useLoaded } from "../live/load.ts";
import { Coded } from "../parts/coded.tsx";

type Finding = OperationOutput<"examine">["findings"][number];

const CHIP: Record<Level, { tone: string; mark: string; word: string }> = {
  bad: { tone: "bad", mark: "✕", word: "not well" },
  warn: { tone: "warn", mark: "!", word: "could be better" },
  ok: { tone: "good", mark: "✓", word: "well" },
};
const ORDER: readonly Level[] = ["bad", "warn", "ok"];

/** What the daemon can try by itself; what needs a terminal is named, with its command. */
export function Findings() {
  const { value, why, again } = useLoaded(() => call("examine", {}), undefined);
  const findings = value?.findings.toSorted((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
  return (
    <section aria-labelledby="findings-title">
      <header class="section-head">
        <h2 id="findings-title">Checks</h2>
        <button type="button" class="small" onClick={again}>
          Check again
        </button>
      </header>
      {why ? <p role="alert">{why}</p> : null}
      <p role="status" class="quiet">
        {findings ? summary(findings) : "Trying every part…"}
      </p>
      <ul class="findings">
        {findings?.map((finding) => (
          <One key={`${finding.part} ${finding.found}`} finding={finding} />
        ))}
      </ul>
      <p class="quiet">
        What the agent CLIs have of the set-up, and one question asked for real: <code>repowire doctor</code>, in a
        terminal.
      </p>
    </section>
  );
}

function summary(findings: readonly Finding[]): string {
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length;
  if (count("bad") > 0) return `${count("bad")} not well, ${count("warn")} could be better.`;
  return count("warn") > 0 ? `Nothing is broken; ${count("warn")} could be better.` : "All is well.";
}

function One({ finding: { part, level, found, next } }: { finding: Finding }) {
  const { tone, mark, word } = CHIP[level];
  return (
    <li class="finding">
      <span class={`chip ${tone}`}>
        <span class="mark" aria-hidden="true">
          {mark}
        </span>
        {word}
      </span>
      <p>
        <strong>{part}</strong> <Coded text={found} />
        {next ? (
          <span class="next">
            <span class="quiet">Next: </span>
            <Coded text={next} />
          </span>
        ) : null}
      </p>
    </li>
  );
}
