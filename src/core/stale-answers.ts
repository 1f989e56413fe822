import { LIMITS, type MeshEvent, type PeerId } from "../protocol/index.ts";
import type { Context } from "./context.ts";
import { excerpt } from "./envelope.ts";
import { acceptNotice } from "./mailbox.ts";
import type { WatchedAnswer } from "./ports.ts";
import { takesNotices } from "./radar.ts";

/** Answers that sessions rely on, watched for a while: does what they were read from still stand as it stood? */

/** One file that an answer was read from, as it was when the watch began. */
export interface FileStamp {
  /** Real path. */
  file: string;
  /** Epoch ms; absent: it is not there. */
  mtime?: number;
  size?: number;
}

/** File systems take their time from a clock that stands still between two ticks: what was written after an answer may look older. */
const FILE_CLOCK_MS = 20;

/** What a checkout looks like now. */
export interface AnswerLook {
  /** The commit; absent where it cannot be told. */
  head?: string;
  files: readonly FileStamp[];
}

export interface Staleness {
  /** Real paths. */
  files: string[];
  head?: { from: string; to: string };
}

/** The answer that this event tells of, if its asker is a session that is to be told when it goes stale. */
export function answerToWatch(ctx: Context, event: MeshEvent): Omit<WatchedAnswer, "root" | "head"> | undefined {
  const ask = event.type === "ask.answered" && event.message ? ctx.tx.asks.get(event.message) : undefined;
  const asker = ask && ctx.tx.peers.get(ask.asker);
  if (ask?.state !== "answered" || !ask.answer || !asker || !isSession(asker.role)) return undefined;
  const asked = ctx.tx.deliveries.get(ask.message, ask.askee);
  return {
    id: ask.answer,
    ask: ask.message,
    asker: ask.asker,
    askee: ask.askee,
    read_from: asked?.presented_at ?? ask.opened_at,
    answered_at: ask.closed_at ?? event.at,
  };
}

const isSession = (role: string): boolean => role === "agent" || role === "orchestrator";

/** A later answer to the same question takes the place of the one before. */
export function watchAnswer(ctx: Context, answer: WatchedAnswer): void {
  const { answer: shelf } = ctx.tx.shelves;
  for (const other of shelf.all()) if (other.ask === answer.ask) shelf.remove(other.id);
  const known = shelf.all();
  for (const oldest of known.slice(0, Math.max(0, known.length + 1 - LIMITS.watchedAnswersMax)))
    shelf.remove(oldest.id);
  shelf.put(answer.id, answer);
}

/**
 * What differs from when it was given. The files that were read decide, where they are known: a commit of something else makes no
 * answer stale. Where they are not, another commit is all that can be seen.
 */
export function judgeAnswer(answer: WatchedAnswer, look: AnswerLook): Staleness | undefined {
  const was = answer.files ?? [];
  const now = new Map(look.files.map((stamp) => [stamp.file, stamp]));
  const files = was.flatMap((stamp) => {
    const found = now.get(stamp.file);
    const isSame = found !== undefined && found.mtime === stamp.mtime && found.size === stamp.size;
    // Changed between the answer and the first look at it.
    const isOlder = stamp.mtime !== undefined && stamp.mtime <= answer.answered_at - FILE_CLOCK_MS;
    return isSame && isOlder ? [] : [stamp.file];
  });
  const { head: from } = answer;
  const head =
    from !== undefined && look.head !== undefined && from !== look.head ? { from, to: look.head } : undefined;
  if (files.length > 0) return { files, head };
  return was.length === 0 && head ? { files, head } : undefined;
}

/** Nobody is to be told any more: too old, or its asker or that asker's conversation is gone. */
export function isOver(ctx: Context, answer: WatchedAnswer): boolean {
  const asker = ctx.tx.peers.get(answer.asker);
  const given = ctx.tx.deliveries.get(answer.id, answer.asker);
  if (!asker || !given || !ctx.tx.peers.get(answer.askee)) return true;
  if (ctx.now.wall - answer.answered_at > LIMITS.staleAnswerMs) return true;
  return (
    given.conversation !== undefined && asker.conversation !== undefined && given.conversation !== asker.conversation
  );
}

export interface StaleAnswer {
  answer: WatchedAnswer;
  staleness: Staleness;
}

/** What a notice says of one answer. */
export interface StaleWords {
  handle: string;
  question: string;
  agoMs: number;
  staleness: Staleness;
  root: string;
}

/**
 * Tells each asker once, of all its answers from the same peer together. Those that it cannot be told of now (a gate, no live
 * session) are let go: they would only be older when it can.
 */
export function tellStale(
  ctx: Context,
  found: readonly StaleAnswer[],
  say: (askee: string, answers: readonly StaleWords[]) => string,
): number {
  const open = found.filter(({ answer }) => ctx.tx.shelves.answer.get(answer.id) && !isOver(ctx, answer));
  for (const { answer } of found) ctx.tx.shelves.answer.remove(answer.id);
  let told = 0;
  for (const group of Map.groupBy(open, ({ answer }) => `${answer.asker} ${answer.askee}`).values()) {
    const [first] = group;
    const asker = first && ctx.tx.peers.get(first.answer.asker);
    const askee = first && ctx.tx.peers.get(first.answer.askee);
    if (!asker || !askee || asker.presence.state === "offline" || !takesNotices(ctx, asker)) continue;
    const words = group.map(({ answer, staleness }) => wordsOf(ctx, answer, staleness));
    acceptNotice(ctx, {
      from: askee,
      to: asker,
      body: say(askee.name, words),
      urgency: "fyi",
      in_reply_to: first.answer.id,
    });
    told++;
  }
  return told;
}

function wordsOf(ctx: Context, answer: WatchedAnswer, staleness: Staleness): StaleWords {
  return {
    handle: ctx.tx.asks.get(answer.ask)?.handle ?? "",
    question: excerpt(ctx.tx.messages.get(answer.ask)?.body ?? "", 60),
    agoMs: ctx.now.wall - answer.answered_at,
    staleness,
    root: answer.root,
  };
}

export const watchedAnswers = (ctx: Context, askees?: ReadonlySet<PeerId>): WatchedAnswer[] =>
  ctx.tx.shelves.answer.all().filter((answer) => askees === undefined || askees.has(answer.askee));
