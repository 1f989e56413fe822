import { isForeground } from "../../platform/process.ts";
import type { Composer, ComposerProbe } from "./composer.ts";
import type { Pane } from "./find.ts";
import { type Look, look } from "./look.ts";
import { TmuxError } from "./server.ts";

/**
 * What became of a text for a session in a pane. `delivered`: it left the composer, so the program took it. `not_delivered`: nothing of it
 * is in the pane. `unconfirmed`: it stands in the composer, or may have been sent, and nothing more was done.
 */
export interface PasteResult {
  verdict: "delivered" | "not_delivered" | "unconfirmed";
  reason: string;
  /** Only time has to pass; otherwise a person's draft or decision is in the way. */
  passes: boolean;
}

export interface PasteTiming {
  /** Nobody may have touched a client of the pane for this long. tmux counts whole seconds, so up to one more is waited. */
  quietMs: number;
  /** Between paste and Enter: too early, an Enter becomes a newline (Gemini CLI 0.61.0: within 40 ms). */
  settleMs: number;
  /** How long the pasted text may take to show. */
  showMs: number;
  /** How long the program may take to clear its composer after Enter. */
  takeMs: number;
}

export const PASTE_TIMING: PasteTiming = { quietMs: 2_000, settleMs: 400, showMs: 1_500, takeMs: 2_500 };
const LOOK_EVERY_MS = 60;

export interface PasteJob {
  pane: Pane;
  /** The session's process: it must live and own the pane's terminal. */
  pid: number;
  /** One line of plain printable text: nothing in it may act on a terminal. */
  text: string;
  probe: ComposerProbe;
  timing?: PasteTiming;
}

/** Plain printable ASCII on one line, that begins with none of the signs that CLIs read as a command. */
const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const COMMAND_SIGN = /^[!/?#@]/;

/**
 * Gives a session in a pane one line, as its user would, without ever acting on anything else that may be there. Enter is sent by
 * tmux itself under the condition that the pane's screen has, at that very instant, the composer's line as it was checked, with the text
 * alone in it: a dialog has no such line. When a check fails, nothing is pressed and nothing is taken back, since a person's keys
 * may be in between.
 */
export async function pasteAndEnter(job: PasteJob): Promise<PasteResult> {
  const { text } = job;
  if (!PLAIN.test(text) || COMMAND_SIGN.test(text)) throw new Error("only one plain line may be pasted");
  let isPasted = false;
  try {
    const first = await check(job);
    if (isBlocked(first)) return first;
    if (first.composer.state === "holds") {
      if (first.composer.text !== text) return drafted();
      // Left there by an attempt before.
      isPasted = true;
      return await enter(job, first.look, first.composer.line);
    }
    const pasted = await paste(job);
    if (pasted) return pasted;
    isPasted = true;
    await Bun.sleep((job.timing ?? PASTE_TIMING).settleMs);
    return await confirmAndEnter(job);
  } catch (error) {
    if (!(error instanceof TmuxError)) throw error;
    return { verdict: isPasted ? "unconfirmed" : "not_delivered", reason: error.message, passes: true };
  }
}

type Idle = { look: Look; composer: Extract<Composer, { line: number }> };
const isBlocked = (found: Idle | PasteResult): found is PasteResult => "verdict" in found;

/** Looks, and says why nothing may be done now, if so. */
async function check(job: PasteJob): Promise<Idle | PasteResult> {
  const found = await look(job.pane);
  const blocked = blockOf(job, found);
  if (blocked) return { verdict: "not_delivered", ...blocked };
  const composer = job.probe.read(found);
  if (composer.state === "none") return { verdict: "not_delivered", reason: composer.why, passes: composer.passes };
  return { look: found, composer };
}

function blockOf(job: PasteJob, found: Look): { reason: string; passes: boolean } | undefined {
  if (found.isDead || found.rootPid !== job.pane.rootPid)
    return { reason: "its pane has another process now", passes: false };
  if (isForeground(job.pid) !== true)
    return { reason: "its process is not in the foreground of its terminal", passes: false };
  if (found.isInMode) return { reason: "its pane is in copy mode", passes: false };
  if (found.isShared) return { reason: "its pane shares its keys with others, or takes none", passes: false };
  if (!isQuiet(job, found)) return { reason: "somebody is at its terminal right now", passes: true };
  return undefined;
}

/** Activity counts in whole seconds: one more is waited, so that the quiet time is never shorter. */
function isQuiet(job: PasteJob, found: Look): boolean {
  const { quietMs } = job.timing ?? PASTE_TIMING;
  return found.clientActiveAt === undefined || Date.now() - found.clientActiveAt >= quietMs + 1_000;
}

function drafted(): PasteResult {
  return { verdict: "not_delivered", reason: "a draft is half typed in its composer", passes: false };
}

/** Pastes, if the second look agrees with the first; returns why not. */
async function paste(job: PasteJob): Promise<PasteResult | undefined> {
  const { server, id } = job.pane;
  const buffer = `repowire-${crypto.randomUUID()}`;
  await server.run(["load-buffer", "-b", buffer, "-"], job.text);
  const second = await check(job);
  const blocked = isBlocked(second) ? second : second.composer.state === "holds" ? drafted() : undefined;
  if (blocked || isBlocked(second)) {
    await server.run(["delete-buffer", "-b", buffer]);
    return blocked;
  }
  const isDone = await onlyWhile(job, second.look, second.composer.line, `paste-buffer -p -r -d -b ${buffer} -t ${id}`);
  if (isDone) return undefined;
  await server.run(["delete-buffer", "-b", buffer]);
  return { verdict: "not_delivered", reason: "its screen changed just before the paste", passes: true };
}

/** Waits until the composer shows the text, alone. */
async function confirmAndEnter(job: PasteJob): Promise<PasteResult> {
  const deadline = Date.now() + (job.timing ?? PASTE_TIMING).showMs;
  for (;;) {
    const found = await check(job);
    if (!isBlocked(found) && found.composer.state === "holds") {
      if (found.composer.text === job.text) return enter(job, found.look, found.composer.line);
      return unconfirmed("something was typed beside the message's tag; it was left as it stands");
    }
    if (Date.now() > deadline)
      return unconfirmed(
        isBlocked(found) ? `after the paste: ${found.reason}` : "the pasted tag never showed in the composer",
      );
    await Bun.sleep(LOOK_EVERY_MS);
  }
}

const unconfirmed = (reason: string, passes = false): PasteResult => ({ verdict: "unconfirmed", reason, passes });

async function enter(job: PasteJob, at: Look, line: number): Promise<PasteResult> {
  if (!(await onlyWhile(job, at, line, `send-keys -t ${job.pane.id} Enter`)))
    return unconfirmed("its screen changed just before Enter, which was not pressed");
  const deadline = Date.now() + (job.timing ?? PASTE_TIMING).takeMs;
  while (Date.now() < deadline) {
    await Bun.sleep(LOOK_EVERY_MS);
    const composer = job.probe.read(await look(job.pane));
    // A turn that runs, a cleared composer, a person's next words: the text is not in the composer any more.
    if (composer.state === "holds" ? !composer.text.includes(job.text) : true)
      return { verdict: "delivered", reason: "the composer took it", passes: false };
  }
  return unconfirmed("Enter was pressed and the text still stands in the composer");
}

/**
 * Has the tmux server run `command` only if at that instant the pane has the same process, is in no mode, and its screen has the
 * composer's line as it was looked at. This leaves no gap between check and act.
 */
async function onlyWhile(job: PasteJob, seen: Look, line: number, command: string): Promise<boolean> {
  const { server, id, rootPid } = job.pane;
  const conditions = [
    `#{==:#{pane_pid},${rootPid}}`,
    "#{==:#{pane_in_mode},0}",
    "#{==:#{pane_dead},0}",
    `#{C/r:${linePattern(seen.lines[line] ?? "")}}`,
  ];
  const all = conditions.reduceRight((rest, one) => (rest === "" ? one : `#{&&:${one},${rest}}`), "");
  const printed = await server.run([
    ...["if-shell", "-F", "-t", id, all],
    `${command} ; display-message -p done`,
    "display-message -p withheld",
  ]);
  return printed.trim() === "done";
}

/** What stands for itself both in an extended regular expression and in a tmux format. */
const LITERAL = /[A-Za-z0-9 _'"=~<>/&@!-]/;
/** What does so in a bracket expression. */
const BRACKETED = /[().*+?|$[]/;

/**
 * An extended regular expression for exactly this line, to stand inside a tmux format, where commas, colons, braces and `#` have a
 * meaning: these match as any one sign. One sign beyond ASCII may count as up to four, as the server's locale has it.
 */
export function linePattern(line: string): string {
  const exact = [...line.trimEnd()].map((sign) => {
    if (LITERAL.test(sign)) return sign;
    if (BRACKETED.test(sign)) return `[${sign}]`;
    if (sign === "]") return "[]]";
    return sign <= "\x7f" ? "." : "..?.?.?";
  });
  return `^${exact.join("")}$`;
}
