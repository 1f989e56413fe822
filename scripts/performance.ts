import { readFileSync, writeFileSync } from "node:fs";
import { isMet, type Result } from "../test/bench/stats.ts";

/**
 * `npm run bench -- --json > run.json && npm run docs:performance run.json`: makes docs/performance.md and its plot from one run of the
 * bench. Nothing in them is written by hand but the sentences here.
 */
interface Run {
  machine: Record<string, string | number | undefined>;
  results: Result[];
}

const file = process.argv[2];
if (!file) {
  console.error("Usage: npm run docs:performance FILE, where FILE holds what `npm run bench -- --json` printed.");
  process.exit(2);
}
// The bench's own output, which may have lines of its tools before it.
const run = JSON.parse(readFileSync(file, "utf8").trim().split("\n").at(-1) ?? "") as Run;

const verdict = (result: Result): string => {
  const { aim } = result;
  if (!aim) return "";
  const bound = `${aim.at === "most" ? "≤" : "≥"} ${aim.bound}${aim.of === "ratio" ? " ×" : ` ${result.unit}`}`;
  return `${bound}: ${isMet(result) ? "met" : "**missed**"}`;
};

const rows = run.results.map((result) => {
  const { name, value, unit, baseline, ratio, against } = result;
  return `| \`${name}\` | ${value} ${unit} | ${baseline} ${unit} | ${ratio} | ${verdict(result)} | ${against ?? ""} |`;
});

const machine = Object.entries(run.machine)
  .filter(([, value]) => value !== undefined)
  .map(([name, value]) => `${name.replaceAll("_", " ")}: ${value}`)
  .join(", ");

writeFileSync(
  "docs/performance.md",
  `# Performance

Made by \`npm run docs:performance\` from one run of \`npm run bench -- --json\`. Each figure stands beside a baseline of the same run on the same
machine: only the ratio means anything elsewhere. ${machine}.

![ratios to the baselines](performance.svg)

| what | here | baseline | ratio | aim | against |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

## What they are

- \`durable_hop\`: from the call in one session to the arrival in another, stored in between; \`_full\` waits for the disk first, as is the default.
  Both sides have carried 2,000 messages before. JetStream acknowledges what it has written to a file that is brought to the disk every two
  minutes: that outlives a killed process, as \`synchronous: normal\` does, and no power loss, which \`full\` does.
- \`throughput_N\`: messages a second through N pairs of sessions, until the last has arrived. Each is handed over and reported on by its recipient, and leaves
  four events behind; the other engine stores and forwards.
- \`ask_round_trip\`: a question and its answer, both waited for on the disk, against an echo that stores nothing.
- \`idle_N_mb\`: the daemon's resident memory with N silent sessions. \`loaded\`: 1,000 sessions, 1,000 messages a second, for a minute, with receipts.
- \`hook_start\`, \`cli_start\`, \`channel_ready_ms\`: what a person or an agent CLI waits for, against starting an empty program.
- \`tool_tokens\`, \`ask_frame_tokens\`: what every session pays in its context, by a public tokenizer.
- \`fsync\`: one page to the disk in a file that need not grow; no durable message can be faster than this.

## Where the time goes

A message costs the daemon two decisions (accepted and handed over; reported on), each one record of the journal. With \`full\`, each waits for the disk once, whatever
else happens at the same time: decisions of one turn of the event loop share a commit. What was measured and changed for it: records are copied instead of going
through JSON; ids and handles that are new are known to be new without a query; handles made one after the other stand together in their index; the journal does not
grow with a commit; hand-overs of one batch to one session go out as one frame.
`,
);

const BAR = { height: 18, gap: 8, left: 170, width: 420 } as const;
const SPAN = 3;
/** A ratio as a length: the middle is the baseline, each third of a side a factor of ten. */
const length = (ratio: number): number => (Math.max(-SPAN, Math.min(SPAN, Math.log10(ratio))) / SPAN) * (BAR.width / 2);
const shown = run.results.filter(({ ratio }) => Number.isFinite(ratio) && ratio > 0);
const height = shown.length * (BAR.height + BAR.gap) + 50;
const middle = BAR.left + BAR.width / 2;

const bars = shown.map((result, index) => {
  const y = 34 + index * (BAR.height + BAR.gap);
  const size = length(result.ratio);
  const met = isMet(result);
  const fill = met === undefined ? "#8a8f98" : met ? "#2f855a" : "#c05621";
  const x = Math.min(middle, middle + size);
  return `<text x="${BAR.left - 10}" y="${y + 13}" text-anchor="end">${result.name}</text>
<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(1, Math.abs(size)).toFixed(1)}" height="${BAR.height}" fill="${fill}"/>
<text x="${BAR.left + BAR.width + 10}" y="${y + 13}">${result.ratio} ×${met === undefined ? "" : met ? " met" : " missed"}</text>`;
});

writeFileSync(
  "docs/performance.svg",
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 ${height}" font-family="sans-serif" font-size="12" fill="#333">
<rect width="720" height="${height}" fill="#fff"/>
<text x="${middle}" y="18" text-anchor="middle">ratio to the baseline, logarithmic; the line is 1 ×</text>
${bars.join("\n")}
<line x1="${middle}" y1="26" x2="${middle}" y2="${height - 14}" stroke="#333"/>
</svg>
`,
);
console.log("docs/performance.md and docs/performance.svg are made.");
