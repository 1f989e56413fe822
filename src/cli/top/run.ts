import { setTimeout as sleep } from "node:timers/promises";
import { eventStream, httpMesh } from "../../client/index.ts";
import { LIMITS, type Mesh } from "../../protocol/index.ts";
import { cleanLine } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { openScreen } from "../live-screen.ts";
import { collectOverview, orNothing } from "../overview.ts";
import { createRateCounter, type RateCounter } from "./rates.ts";
import { ORDERS, offsetMax, screenLines, type View } from "./view.ts";

/** What no event tells (a rung that was proven, a title that changed) is looked at so often; events bring it forward. */
const REFRESH_MS = 2_000;
/** Events come in bursts; the screen follows a few times a second. */
const LOOK_EVERY_MS = 250;
const RETRY_MS = 500;
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** The live screen, until a key or a signal ends it. A daemon that is away is waited for, never started: whoever stopped it meant to. */
export async function runTop(context: CliContext): Promise<void> {
  const abort = new AbortController();
  const counter = createRateCounter();
  const view: View = {
    overview: undefined,
    trouble: undefined,
    lookedAt: 0,
    order: "who waits",
    offset: 0,
    rates: new Map(),
  };
  let isStale = true;

  const screen = openScreen({ key: onKey, resize: draw });
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.once(signal, () => {
      process.exitCode = code;
      abort.abort();
    });
  }

  function onKey(key: string): void {
    const most = offsetMax(view.overview?.peers.length ?? 0, screen.rows);
    if (key === "q" || key === "\u0003") return abort.abort();
    if (key === "s" || key === "\u001b[C")
      view.order = ORDERS[(ORDERS.indexOf(view.order) + 1) % ORDERS.length] ?? view.order;
    if (key === "\u001b[A") view.offset = Math.max(0, Math.min(view.offset, most) - 1);
    if (key === "\u001b[B") view.offset = Math.min(most, view.offset + 1);
    draw();
  }

  function draw(): void {
    const now = Date.now();
    view.rates = counter.rates(now);
    screen.draw(screenLines(view, screen, now));
  }

  async function look(): Promise<void> {
    try {
      view.overview = await collectOverview(context, httpMesh(await context.running()));
      view.trouble = undefined;
      view.lookedAt = Date.now();
    } catch (error) {
      // It may end in the middle of an answer: whatever went wrong is shown, and tried again.
      view.trouble = cleanLine(error instanceof Error ? error.message : String(error));
    }
    if (!abort.signal.aborted) draw();
  }

  async function refresh(): Promise<void> {
    for (let last = 0; !abort.signal.aborted; await pause(LOOK_EVERY_MS, abort.signal)) {
      if (!isStale && Date.now() - last < REFRESH_MS) continue;
      isStale = false;
      last = Date.now();
      await look();
    }
  }

  async function follow(): Promise<void> {
    const after = await noteLastMinute(httpMesh(await context.running()), counter);
    // Without the right to read events there is the table, which is looked at again and again.
    if (after === undefined) return;
    for await (const event of eventStream(context.running, { after, signal: abort.signal })) {
      counter.note(event);
      isStale = true;
    }
  }

  async function keepFollowing(): Promise<void> {
    for (; !abort.signal.aborted; await pause(RETRY_MS, abort.signal)) {
      const isDone = await follow().then(
        () => true,
        () => false,
      );
      if (isDone) return;
    }
  }

  const ended = new Promise<void>((resolve) => abort.signal.addEventListener("abort", () => resolve(), { once: true }));
  try {
    await Promise.race([Promise.all([refresh(), keepFollowing(), ended]), ended]);
  } finally {
    abort.abort();
    screen.close();
  }
}

/** Ends sooner when the screen is left. */
const pause = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }).catch(() => {});

/** Where the event log ends; undefined where it is not the caller's to read. */
export async function noteLastMinute(mesh: Mesh, counter: RateCounter): Promise<number | undefined> {
  const end = await orNothing(mesh.events({ limit: 1 }));
  if (!end) return undefined;
  let cursor = Math.max(0, end.newest - LIMITS.pageMax);
  const { events } = await mesh.events({ after: cursor, limit: LIMITS.pageMax });
  for (const event of events) {
    counter.note(event);
    cursor = event.seq;
  }
  return cursor;
}
