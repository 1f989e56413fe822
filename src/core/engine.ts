import { LIMITS, RepowireError } from "../protocol/index.ts";
import type { Context } from "./context.ts";
import { mergeHandOvers } from "./hand-overs.ts";
import type { Live } from "./live.ts";
import {
  type Clock,
  type CoreConfig,
  type Effect,
  type Ids,
  type MessageStore,
  type Now,
  StorageError,
  type Tx,
} from "./ports.ts";
import { routeMail } from "./router.ts";

export type Decide<T> = (ctx: Context) => T;

/**
 * Runs decisions in batches: everything that arrives in one turn of the event loop is decided synchronously, in order, in one
 * transaction. Replies and effects follow only after its commit, so nothing is ever said that was not stored.
 */
export interface Engine {
  /** Decides, commits, then resolves. Rejects with a `RepowireError` for refusals and for what the disk could not take. */
  run<T>(decide: Decide<T>): Promise<T>;
  /** Looks without writing, at the last committed state. */
  read<T>(look: Decide<T>): T;
  /** Commits what is waiting, now. */
  flush(): void;
  /** Decisions waiting for their transaction. */
  readonly backlog: number;
}

export interface EngineParts {
  store: MessageStore;
  clock: Clock;
  ids: Ids;
  live: Live;
  config: CoreConfig;
  /** Calls back at the end of the current turn of the event loop. */
  schedule(run: () => void): void;
  /** Carries out what was decided; must not throw. */
  perform(effects: Effect[]): void;
  /** Told of faults that are not refusals. */
  onFault(error: unknown): void;
  /** Told of every batch that was committed: how many decisions it held. */
  onBatch?(decisions: number): void;
}

interface Job {
  decide: Decide<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Outcome = { ok: true; value: unknown } | { ok: false; error: unknown };

export function createEngine(parts: EngineParts): Engine {
  let queue: Job[] = [];
  let scheduled = false;

  function context(tx: Tx, effects: Effect[]): Context {
    let now: Now | undefined;
    return {
      tx,
      // One instant for all of a decision; many that only look need none.
      get now() {
        now ??= parts.clock.now();
        return now;
      },
      ids: parts.ids,
      live: parts.live,
      config: parts.config,
      effects,
      stirred: new Set(),
    };
  }

  /** One decision and the routing that it causes, undone as a whole if it is refused. */
  function decideOne(tx: Tx, job: Job, effects: Effect[]): unknown {
    const own: Effect[] = [];
    const ctx = context(tx, own);
    const value = job.decide(ctx);
    // Routing one mailbox may stir another (a refused question tells its asker), so the set grows while it is walked.
    for (const peer of ctx.stirred) routeMail(ctx, peer);
    effects.push(...own);
    return value;
  }

  function decideAll(jobs: Job[]): { outcomes: Outcome[]; effects: Effect[] } {
    return parts.store.transaction((tx) => {
      const effects: Effect[] = [];
      const outcomes = jobs.map((job): Outcome => {
        try {
          const decide = () => decideOne(tx, job, effects);
          // Alone in its batch, a refused decision is undone with the transaction itself.
          return { ok: true, value: jobs.length > 1 ? tx.isolated(decide) : decide() };
        } catch (error) {
          if (error instanceof StorageError || jobs.length === 1) throw error;
          return { ok: false, error };
        }
      });
      return { outcomes, effects };
    });
  }

  function runBatch(jobs: Job[]): void {
    let decided: ReturnType<typeof decideAll>;
    try {
      decided = decideAll(jobs);
    } catch (error) {
      retryOneByOne(jobs, error);
      return;
    }
    parts.perform(mergeHandOvers(decided.effects));
    parts.onBatch?.(jobs.length);
    jobs.forEach((job, index) => {
      const outcome = decided.outcomes[index];
      if (outcome?.ok) {
        job.resolve(outcome.value);
        return;
      }
      if (!(outcome?.error instanceof RepowireError)) parts.onFault(outcome?.error);
      job.reject(outcome?.error);
    });
  }

  /** The disk refused the whole batch (one large message must not take the others with it), or a lone decision was refused. */
  function retryOneByOne(jobs: Job[], error: unknown): void {
    if (jobs.length > 1 && error instanceof StorageError) {
      for (const job of jobs) runBatch([job]);
      return;
    }
    if (!(error instanceof RepowireError)) parts.onFault(error);
    const refusal = error instanceof StorageError ? storageRefusal(error) : error;
    for (const job of jobs) job.reject(refusal);
  }

  function flush(): void {
    while (queue.length > 0) {
      const jobs = queue.slice(0, LIMITS.batchMax);
      queue = queue.slice(LIMITS.batchMax);
      runBatch(jobs);
    }
  }

  return {
    run<T>(decide: Decide<T>): Promise<T> {
      if (queue.length >= LIMITS.queueMax) {
        return Promise.reject(
          new RepowireError("overloaded", `${queue.length} requests already wait to be stored. Try again in a moment.`),
        );
      }
      return new Promise<T>((resolve, reject) => {
        // The job's value is what its own `decide` returned, so it is a T.
        queue.push({ decide, resolve: resolve as (value: unknown) => void, reject });
        if (scheduled) return;
        scheduled = true;
        parts.schedule(() => {
          scheduled = false;
          flush();
        });
      });
    },
    read: (look) => parts.store.read((tx) => look(context(tx, []))),
    flush,
    get backlog() {
      return queue.length;
    },
  };
}

function storageRefusal(error: StorageError): RepowireError {
  return error.kind === "full"
    ? new RepowireError(
        "storage_full",
        "The disk that holds repowire's database is full; nothing was stored. Free some space and try again.",
      )
    : new RepowireError(
        "storage_failed",
        `The database could not be written (${error.message}); nothing was stored. See \`repowire daemon logs\`.`,
      );
}
