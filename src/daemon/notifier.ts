import { type Clock, type Engine, mayWait, type PersonWait, personWait } from "../core/index.ts";
import { logger } from "../platform/log.ts";
import { notifierEnv, runNotifier } from "../platform/run-notifier.ts";
import { LIMITS, type MeshEvent, RepowireError } from "../protocol/index.ts";
import { cleanLine, notification, type WaitNews } from "../words/index.ts";
import type { PartCheck } from "./health.ts";
import type { EventHub } from "./hub.ts";

const log = logger("notifier");

/** The last event that was looked at, so that what waits is neither told twice nor forgotten by a restart. */
const CURSOR_KEY = "notifier_cursor";

export interface NotifierParts {
  engine: Engine;
  hub: EventHub;
  clock: Clock;
  /** `on_waiting` of config.yaml. */
  command: readonly string[];
  /** Where it runs. */
  cwd: string;
  env?: Record<string, string | undefined>;
}

export interface Notifier {
  check: PartCheck;
  /** Whether its last run failed, or the next one would. */
  isFailing(): boolean;
  /** One run, now, that says so. */
  trial(): Promise<{ ms: number; failure?: string }>;
  stop(): Promise<void>;
}

/** Runs the user's own program when something waits on a person: seldom, one at a time, and never for what is decided already. */
export function startNotifier(parts: NotifierParts): Notifier {
  const { engine, hub, clock, command, cwd } = parts;
  const env = notifierEnv(parts.env ?? process.env);
  const program = command[0] ?? "";
  const ended = new AbortController();
  let open: MeshEvent[] = [];
  let callOff: (() => void) | undefined;
  let running: Promise<unknown> | undefined;
  let quietUntil = 0;
  let failure: string | undefined;

  function note(event: MeshEvent): void {
    if (!mayWait(event) || engine.read((ctx) => personWait(ctx, event)) === undefined) return;
    open = [...open, event].slice(-LIMITS.pageMax);
    schedule();
  }

  function schedule(): void {
    if (callOff || running || open.length === 0 || ended.signal.aborted) return;
    const wait = Math.max(LIMITS.notifierSettleMs, quietUntil - clock.now().awake);
    callOff = clock.after(wait, () => {
      callOff = undefined;
      running = tell()
        .catch((error) => log.error("what waits could not be told", { error }))
        .finally(() => {
          running = undefined;
          schedule();
        });
    });
  }

  async function tell(): Promise<void> {
    const [events, last] = [open, engine.read(({ tx }) => tx.events.last())];
    open = [];
    const waits = new Map<string, PersonWait>();
    for (const event of events) {
      const wait = engine.read((ctx) => personWait(ctx, event));
      if (wait) waits.set(`${wait.kind} ${wait.id}`, wait);
    }
    // Before it is run: a daemon that dies now says it too seldom rather than twice.
    await engine.run(({ tx }) => tx.meta.set(CURSOR_KEY, String(last)));
    if (waits.size === 0) return;
    quietUntil = clock.now().awake + LIMITS.notifierGapMs;
    learn(await run([...waits.values()]));
  }

  function run(news: readonly WaitNews[]): Promise<string | undefined> {
    const { env: facts, stdin } = notification(news);
    const options = { cwd, env: { ...env, ...facts }, stdin, timeoutMs: LIMITS.notifierRunMs, signal: ended.signal };
    return runNotifier({ command, ...options });
  }

  /** Said once, until it works again. */
  function learn(why: string | undefined): void {
    const line = why && cleanLine(why);
    if (line && failure === undefined) log.warning("on_waiting failed; `repowire doctor` shows it", { why: line });
    if (!line && failure !== undefined) log.info("on_waiting works again", {});
    failure = line;
  }

  const missing = () =>
    Bun.which(program, { PATH: env.PATH ?? "" }) ? undefined : `is not a program on the daemon's PATH`;

  /** What came after the last run of an earlier daemon, and still waits. */
  function catchUp(): void {
    const { from, events } = engine.read(({ tx }) => {
      const cursor = tx.meta.get(CURSOR_KEY);
      const newest = Math.max(0, tx.events.last() - LIMITS.pageMax);
      return {
        from: cursor,
        events: cursor === undefined ? [] : tx.events.after(Math.max(newest, Number(cursor)), LIMITS.pageMax),
      };
    });
    for (const event of events) note(event);
    if (from === undefined)
      void engine
        .run(({ tx }) => tx.meta.set(CURSOR_KEY, String(tx.events.last())))
        .catch((error) => log.error("the notifier's place was not kept", { error }));
  }

  const unsubscribe = hub.subscribe(note);
  catchUp();

  return {
    isFailing: () => failure !== undefined || missing() !== undefined,
    check() {
      const why = missing() ?? failure;
      return { ok: true, detail: `${cleanLine(program)} ${why ?? "is run when something waits on you"}` };
    },
    async trial() {
      const from = performance.now();
      const news: WaitNews = {
        kind: "try",
        id: "",
        peer: "repowire",
        text: "a trial: this is what on_waiting shows",
        since: clock.now().wall,
      };
      learn(await run([news]));
      return { ms: performance.now() - from, failure };
    },
    async stop() {
      ended.abort();
      unsubscribe();
      callOff?.();
      await running;
    },
  };
}

/** Throws where none is configured. */
export function tryOf(notifier: Notifier | undefined): ReturnType<Notifier["trial"]> {
  if (notifier) return notifier.trial();
  throw new RepowireError(
    "invalid_input",
    "Nothing is set to be run when something waits on you. Put `on_waiting: [PROGRAM, ARGUMENT…]` into config.yaml, then `repowire daemon stop`; it starts again by itself.",
  );
}
