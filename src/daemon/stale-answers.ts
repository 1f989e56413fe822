import { statSync } from "node:fs";
import type { FileReports } from "../adapters/files.ts";
import {
  type AnswerLook,
  answerToWatch,
  type Clock,
  type Engine,
  type FileStamp,
  isOver,
  judgeAnswer,
  type StaleAnswer,
  tellStale,
  type WatchedAnswer,
  watchAnswer,
  watchedAnswers,
} from "../core/index.ts";
import { headOf } from "../platform/head.ts";
import { logger } from "../platform/log.ts";
import { LIMITS, type MeshEvent } from "../protocol/index.ts";
import { staleText } from "../words/index.ts";
import type { EventHub } from "./hub.ts";

const log = logger("stale-answers");

export interface StaleAnswersParts {
  engine: Engine;
  hub: EventHub;
  clock: Clock;
  files: FileReports;
}

export interface StaleAnswers {
  /** One look at all that is watched; the timer does it, and the end of a turn. Calls do not overlap. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

/** Files and commits are looked at now and then: a stat each, no watcher and no process. */
export function startStaleAnswers({ engine, hub, clock, files }: StaleAnswersParts): StaleAnswers {
  let looking: Promise<void> | undefined;
  let soon: (() => void) | undefined;
  let isStopped = false;

  function note(event: MeshEvent): void {
    // The end of a turn is when most changes are there to be seen.
    if (event.type === "peer.presence" && event.data.was === "busy" && event.data.state === "online") lookSoon();
    if (event.type !== "ask.answered") return;
    const answer = engine.read((ctx) => answerToWatch(ctx, event));
    const root = answer && files.rootOf(answer.askee);
    if (!answer || root === undefined) return;
    // Now, before anything moves: the files follow when the session's record has told which there were.
    const watched: WatchedAnswer = { ...answer, root, head: headOf(root) };
    void engine.run((ctx) => watchAnswer(ctx, watched)).catch(fault);
  }

  const fault = (error: unknown) => log.error("stale answers were not looked for", { error });

  function lookSoon(): void {
    if (soon || isStopped || engine.read(watchedAnswers).length === 0) return;
    soon = clock.after(LIMITS.staleSettleMs, () => {
      soon = undefined;
      void look().catch(fault);
    });
  }

  async function lookOnce(): Promise<void> {
    const heads = new Map<string, string | undefined>();
    const found: StaleAnswer[] = [];
    const over: WatchedAnswer[] = [];
    for (const given of engine.read(watchedAnswers)) {
      if (isStopped) return;
      if (engine.read((ctx) => isOver(ctx, given))) {
        over.push(given);
        continue;
      }
      const answer = await withFiles(given);
      if (!answer) continue;
      const look = lookAt(answer, heads);
      const staleness = judgeAnswer(answer, look);
      if (staleness) found.push({ answer, staleness });
      // Between two, everything else has its turn.
      await Bun.sleep(0);
    }
    if (over.length + found.length === 0) return;
    await engine.run((ctx) => {
      for (const { id } of over) ctx.tx.shelves.answer.remove(id);
      tellStale(ctx, found, staleText);
    });
  }

  /** Which files it was read from is settled once, some seconds after the answer; until then it is not judged. */
  async function withFiles(answer: WatchedAnswer): Promise<WatchedAnswer | undefined> {
    if (answer.files) return answer;
    if (clock.now().wall - answer.answered_at < LIMITS.staleSettleMs) return undefined;
    const read = files.readBetween(answer.askee, answer.read_from, answer.answered_at);
    const inside = read.filter((file) => file.startsWith(`${answer.root}/`)).slice(-LIMITS.answerFilesMax);
    // What is not there, or claims to come from the future, tells nothing by its times.
    const stamps = inside.map(stampOf).filter(({ mtime }) => mtime !== undefined && mtime <= clock.now().wall);
    const settled = { ...answer, files: stamps };
    await engine.run(({ tx }) => {
      if (tx.shelves.answer.get(answer.id)) tx.shelves.answer.put(answer.id, settled);
    });
    return settled;
  }

  function lookAt({ root, files: stamps }: WatchedAnswer, heads: Map<string, string | undefined>): AnswerLook {
    if (!heads.has(root)) heads.set(root, headOf(root));
    return { head: heads.get(root), files: (stamps ?? []).map(({ file }) => stampOf(file)) };
  }

  function look(): Promise<void> {
    looking ??= lookOnce().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  const unsubscribe = hub.subscribe(note);
  const timer = setInterval(() => void look().catch(fault), LIMITS.staleLookMs);
  return {
    look,
    async stop() {
      isStopped = true;
      clearInterval(timer);
      soon?.();
      unsubscribe();
      await looking?.catch(fault);
    },
  };
}

/** A folder is no file: its own times say little of what is in it. */
function stampOf(file: string): FileStamp {
  try {
    const info = statSync(file, { throwIfNoEntry: false });
    return info?.isFile() ? { file, mtime: info.mtimeMs, size: info.size } : { file };
  } catch {
    return { file };
  }
}
