import { html, raw } from "hono/html";
import { cleanLine, cleanText, duration, plural, timeOfDay } from "../../words/index.ts";
import type { Night, Question, Stuck } from "./facts.ts";

/** The night as one file that needs nothing else: no script, no request to anywhere. All text of others is escaped by the template. */
export async function nightPage(night: Night): Promise<string> {
  const { counts } = night;
  const style = STYLE.trim();
  const hash = new Bun.CryptoHasher("sha256").update(style).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'`;
  const span = `${timeOfDay(night.since, night.until)} to ${timeOfDay(night.until, night.until)}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="color-scheme" content="light dark">
<title>repowire: ${span}</title>
<style>${raw(style)}</style>
</head>
<body>
<header>
<h1>The night, ${span}</h1>
<p>${plural(counts.asked, "question")} asked, ${String(counts.answered)} answered, ${String(counts.open)} open, ${String(counts.failed)} without an answer; ${plural(counts.messages, "message")} in all; ${plural(counts.commits, "commit")}.</p>
</header>
<main>
${section("Not answered", night.questions.filter(isUnanswered).map(questionItem), "Every question was answered.")}
${stuckSection(night)}
${commitsSection(night)}
${pairsSection(night)}
${section("Questions and answers", night.questions.filter((one) => !isUnanswered(one)).map(questionItem), "Nobody asked anything.")}
${decisionsSection(night)}
${section(
  "Held on the way",
  night.held.map(
    ({ peer, reason, times }) =>
      html`<li>${cleanLine(peer)}: ${cleanLine(reason.replace(/^gate: /, ""))}, ${plural(times, "time")}</li>`,
  ),
  "Nothing was held.",
)}
${section(
  "Mismatches",
  night.mismatches.map(
    ({ at, peer, kind }) =>
      html`<li>${timeOfDay(at, night.until)} ${cleanLine(peer)}: ${kind === "claimed" ? "the record says read, the session does not show it" : "the session shows what the record does not say"}</li>`,
  ),
  "The record agrees with the sessions' own, where these could be compared.",
)}
<section><h2>Tokens</h2><p>The sessions' runtimes do not report them to repowire.</p></section>
</main>
</body>
</html>
`;
  return String(await page);
}

type Html = ReturnType<typeof html>;

function section(title: string, items: Html[], none: string): Html {
  return html`<section><h2>${title}</h2>${items.length > 0 ? html`<ul>${items}</ul>` : html`<p>${none}</p>`}</section>`;
}

const isUnanswered = ({ state }: Question): boolean => state !== "answered" && state !== "declined";

const STATES: Record<Question["state"], string> = {
  open: "open",
  answered: "answered",
  declined: "declined",
  failed: "failed",
  cancelled: "withdrawn",
  expired: "ran out of time",
};

function questionItem(question: Question): Html {
  const { at, from, to, text, state, tookMs, answer, why } = question;
  const facts = `${STATES[state]} ${state === "open" ? "for" : "after"} ${duration(tookMs)}${why ? `: ${cleanLine(why)}` : ""}`;
  return html`<li><p class="head"><time>${timeOfDay(at)}</time> <b>${cleanLine(from)}</b> asked <b>${cleanLine(to)}</b> <span class="state ${state}">${facts}</span></p>
<blockquote>${cleanText(text)}</blockquote>
${answer === undefined ? "" : html`<details><summary>Answer</summary><pre>${cleanText(answer)}</pre></details>`}</li>`;
}

const STUCK_WORDS: Record<Stuck, string> = {
  waiting: "waited for a person",
  limited: "at its usage limit",
  paused: "paused by the loop guard",
  offline: "offline",
};

function stuckSection({ stuck }: Night): Html {
  const most = Math.max(1, ...stuck.map(({ ms }) => ms));
  const rows = stuck.map(
    ({ peer, kind, why, ms, times }) =>
      html`<tr><th scope="row">${cleanLine(peer)}</th><td>${STUCK_WORDS[kind]}${why ? html` <span class="why">${cleanLine(why)}</span>` : ""}</td><td class="number">${minutes(ms)}</td><td class="number">${String(times)}</td><td><meter min="0" max="${String(most)}" value="${String(ms)}">${minutes(ms)}</meter></td></tr>`,
  );
  return rows.length > 0
    ? html`<section><h2>Stuck</h2><div class="wide"><table><thead><tr><th>Session</th><th>Why</th><th>Minutes</th><th>Times</th><th></th></tr></thead><tbody>${rows}</tbody></table></div></section>`
    : section("Stuck", [], "No session was stuck.");
}

const minutes = (ms: number): string => String(Math.round(ms / 60_000));

function commitsSection({ repositories, until }: Night): Html {
  const parts = repositories.map(
    ({ path, commits, isCut }) =>
      html`<h3>${cleanLine(path)}</h3><ul>${commits.map(({ hash, at, author, subject }) => html`<li><time>${timeOfDay(at, until)}</time> <code>${cleanLine(hash)}</code> ${cleanLine(subject)} <span class="why">${cleanLine(author)}</span></li>`)}</ul>${isCut ? html`<p>There are more.</p>` : ""}`,
  );
  return parts.length > 0
    ? html`<section><h2>Commits</h2>${parts}</section>`
    : section("Commits", [], "Nothing was committed in the sessions' repositories.");
}

function pairsSection({ pairs }: Night): Html {
  const rows = pairs.map(
    ({ from, to, asked, answered, told }) =>
      html`<tr><th scope="row">${cleanLine(from)} → ${cleanLine(to)}</th><td class="number">${String(asked)}</td><td class="number">${String(answered)}</td><td class="number">${String(told)}</td></tr>`,
  );
  return rows.length > 0
    ? html`<section><h2>Who wrote to whom</h2><div class="wide"><table><thead><tr><th>From → to</th><th>Questions</th><th>Answers</th><th>Other</th></tr></thead><tbody>${rows}</tbody></table></div></section>`
    : section("Who wrote to whom", [], "Nobody wrote anything.");
}

function decisionsSection({ decisions, until }: Night): Html {
  const items = decisions.map(
    ({ at, peer, tool, verdict, tookMs }) =>
      html`<li><time>${timeOfDay(at, until)}</time> ${cleanLine(peer)}, ${cleanLine(tool)}: ${verdict}${tookMs === undefined ? "" : ` after ${duration(tookMs)}`}</li>`,
  );
  return section("Permissions", items, "No session asked for a permission.");
}

const STYLE = `
:root { color-scheme: light dark; --line: #d5d8dc; --dim: #5c6670; --bad: #a8321f; --good: #20703c; }
@media (prefers-color-scheme: dark) { :root { --line: #3a4048; --dim: #a3adb8; --bad: #ff9d8a; --good: #7fd69a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.125rem; margin: 2rem 0 0.5rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1rem 0 0.25rem; }
ul { list-style: none; margin: 0; padding: 0; }
li { padding: 0.375rem 0; }
p { margin: 0.25rem 0; }
blockquote { margin: 0.25rem 0 0.25rem 0.75rem; white-space: pre-wrap; }
pre { margin: 0.25rem 0 0 0.75rem; white-space: pre-wrap; font: inherit; }
summary { cursor: pointer; margin-left: 0.75rem; }
time, .why, .state { color: var(--dim); }
.failed, .expired { color: var(--bad); }
.answered { color: var(--good); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 0.25rem 0.75rem 0.25rem 0; vertical-align: top; font-weight: normal; overflow-wrap: normal; }
thead th { color: var(--dim); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
meter { width: 8rem; }
@media (max-width: 36rem) { meter { width: 3rem; } }
@media print { details > pre { display: block; } }
`;
