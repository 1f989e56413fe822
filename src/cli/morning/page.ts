import { html, raw } from "hono/html";
import type { Night, NightQuestion, Stuck } from "../../protocol/index.ts";
import { cleanLine, cleanText, duration, plural, timeOfDay } from "../../words/index.ts";
import { PAGE_STYLE } from "./style.ts";

/** The night as one file that needs nothing else: no script, no request to anywhere. All text of others is escaped by the template. */
export async function nightPage(night: Night): Promise<string> {
  const style = PAGE_STYLE.trim();
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
${summary(night)}
</header>
<main>
${section(
  "Not answered",
  [...night.open_from_before, ...night.questions.filter(isUnanswered)].map((one) => questionItem(one, night.until)),
  unansweredNone(night),
)}
${stuckSection(night)}
${commitsSection(night)}
${pairsSection(night)}
${section(
  "Questions and answers",
  night.questions.filter((one) => !isUnanswered(one)).map((one) => questionItem(one, night.until)),
  "No question was answered.",
)}
${night.left_out.questions > 0 ? html`<p>${plural(night.left_out.questions, "older question")} of the night ${night.left_out.questions === 1 ? "is" : "are"} counted, but not listed.</p>` : ""}
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
<section><h2>Tokens</h2><p>Not reported: the sessions’ runtimes tell repowire nothing of them.</p></section>
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

/** The night in figures, the first thing that is read. */
function summary({ counts, stuck, until, since }: Night): Html {
  const figures: [string, number][] = [
    ["asked", counts.asked],
    ["answered", counts.answered],
    ["declined", counts.declined],
    ["open", counts.open],
    ["without an answer", counts.failed + counts.expired + counts.cancelled],
    ["messages", counts.messages],
    ["commits", counts.commits],
  ];
  const shown = figures.filter(([name, n]) => n > 0 || name === "asked" || name === "commits");
  const lost = stuck.filter(({ kind }) => kind === "waiting").reduce((sum, { ms }) => sum + ms, 0);
  return html`<p class="why">${duration(until - since)}${lost > 0 ? `; sessions waited for a person ${duration(lost)} in all` : ""}</p>
<dl>${shown.map(([name, n]) => html`<div><dt>${name}</dt><dd>${String(n)}</dd></div>`)}</dl>`;
}

const isUnanswered = ({ state }: NightQuestion): boolean => state !== "answered" && state !== "declined";
const unansweredNone = ({ counts }: Night): string =>
  counts.asked > 0 ? "Every question was answered." : "Nobody asked anything.";

const STATES: Record<NightQuestion["state"], string> = {
  open: "open",
  answered: "answered",
  declined: "declined",
  failed: "failed",
  cancelled: "withdrawn",
  expired: "ran out of time",
};

function questionItem(question: NightQuestion, until: number): Html {
  const { at, from, to, text, state, took_ms, answer } = question;
  const why = whyText(question);
  const facts = `${STATES[state]} ${state === "open" ? "for" : "after"} ${duration(took_ms)}${why ? `: ${why}` : ""}`;
  return html`<li><p><time>${timeOfDay(at, until)}</time> <b>${cleanLine(from)}</b> asked <b>${cleanLine(to)}</b> <span class="state ${state}">${facts}</span></p>
<blockquote>${cleanText(text)}</blockquote>
${answer === undefined ? "" : html`<details><summary>Answer</summary><pre>${cleanText(answer)}</pre></details>`}</li>`;
}

const FAILURES: Record<string, string> = {
  interrupted: "its work was interrupted",
  model_error: "its model failed",
  no_answer: "it ended its turn without an answer",
  session_gone: "its session is gone",
  refused: "it takes no messages",
};

/** Why there is no answer, as far as it is known. */
function whyText({ why, stands, to }: NightQuestion): string {
  const peer = cleanLine(to);
  if (why) return FAILURES[why] ?? cleanLine(why);
  if (!stands) return "";
  const detail = stands.detail ? ` (${cleanLine(stands.detail)})` : "";
  if (stands.delivery === "held") return `held, ${cleanLine(stands.reason ?? "").replace(/^gate: /, "")}`;
  if (stands.presence === "offline") return `${peer} is offline`;
  if (stands.presence === "limited") return `${peer} is at its usage limit${detail}`;
  if (stands.presence === "waiting") return `${peer} waits for a person${detail}`;
  if (stands.overlooked) return `read, and ${peer} ended its turn without an answer`;
  if (stands.delivery === "seen") return `read, and ${peer} is ${stands.presence === "busy" ? "busy" : "idle"}`;
  if (stands.delivery === "queued" || stands.delivery === "leased") return `not handed to ${peer} yet`;
  return `handed to ${peer}, not read yet`;
}

const STUCK_WORDS: Record<Stuck, string> = {
  waiting: "waited for a person",
  limited: "at its usage limit",
  paused: "paused by the loop guard",
  offline: "offline",
};

function stuckSection({ stuck, away, until }: Night): Html {
  const most = Math.max(1, ...stuck.map(({ ms }) => ms));
  const rows = stuck.map(
    ({ peer, kind, why, ms, times }) =>
      html`<tr><th scope="row">${cleanLine(peer)}</th><td>${STUCK_WORDS[kind]}${why ? html` <span class="why">${cleanLine(why)}</span>` : ""}</td><td class="number">${minutes(ms)}</td><td class="number">${String(times)}</td><td><meter min="0" max="${String(most)}" value="${String(ms)}">${minutes(ms)}</meter></td></tr>`,
  );
  const unknown =
    away.length === 0
      ? ""
      : html`<p class="why">No daemon ran ${away.map(({ from, to }) => `from ${timeOfDay(from, until)} to ${timeOfDay(to, until)}`).join(", ")}: what sessions did then is not known, and not counted.</p>`;
  return rows.length > 0
    ? html`<section><h2>Stuck</h2>${unknown}<div class="wide"><table><thead><tr><th>Session</th><th>Why</th><th class="number">Minutes</th><th class="number">Times</th><th></th></tr></thead><tbody>${rows}</tbody></table></div></section>`
    : html`<section><h2>Stuck</h2>${unknown}<p>No session was stuck.</p></section>`;
}

const minutes = (ms: number): string => String(Math.round(ms / 60_000));

function commitsSection({ repositories, until }: Night): Html {
  const parts = repositories.map(
    ({ path, peers, commits, total }) =>
      html`<h3>${cleanLine(path)} <span class="why">${peers.map(cleanLine).join(", ")}</span></h3><ul>${commits.map(({ hash, at, author, subject }) => html`<li><time>${timeOfDay(at, until)}</time> <code>${cleanLine(hash)}</code> ${cleanLine(subject)} <span class="why">${cleanLine(author)}</span></li>`)}</ul>${total > commits.length ? html`<p>And ${String(total - commits.length)} older.</p>` : ""}`,
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
    ? html`<section><h2>Who wrote to whom</h2><div class="wide"><table><thead><tr><th>From → to</th><th class="number">Questions</th><th class="number">Answers</th><th class="number">Other</th></tr></thead><tbody>${rows}</tbody></table></div></section>`
    : section("Who wrote to whom", [], "Nobody wrote anything.");
}

function decisionsSection({ decisions, until }: Night): Html {
  const items = decisions.map(
    ({ at, peer, tool, verdict, took_ms }) =>
      html`<li><time>${timeOfDay(at, until)}</time> ${cleanLine(peer)}, ${cleanLine(tool)}: ${verdict}${took_ms === undefined ? "" : ` after ${duration(took_ms)}`}</li>`,
  );
  return section("Permissions", items, "No session asked for a permission.");
}
