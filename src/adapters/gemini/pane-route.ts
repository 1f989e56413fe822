import {
  type Context,
  closeDelivery,
  closeRoute,
  type DeliveryRecord,
  type Engine,
  isOurHold,
  move,
  openRoute,
} from "../../core/index.ts";
import { logger } from "../../platform/log.ts";
import { within } from "../../platform/within.ts";
import type { DeliverResult, Envelope, MessageId, PeerId } from "../../protocol/index.ts";
import { geminiTag } from "../../words/index.ts";
import type { Transports } from "../adapter.ts";
import { PASTE_TIMING, type Pane, type PasteResult, pasteAndEnter } from "../tmux/index.ts";
import { geminiProbe } from "./screen.ts";

const log = logger("gemini");

/** The pane as a way into an idle session: the tag of one message at a time, whose body the BeforeAgent hook adds. */
export interface PaneRoute {
  readonly id: string;
  readonly isOpen: boolean;
  keep(ctx: Context, isOpen: boolean): void;
  /** The hook has it. */
  taken(handle: string): void;
  /** Nothing of it reached the model: it waits, and its sender is told why. */
  giveBack(ctx: Context, delivery: DeliveryRecord, why: string): void;
  /** What a hook took and never printed; for a session that has been idle since. */
  giveBackStuck(ctx: Context): void;
  /** Lets go what was held only for what stood in the composer: it is empty again (`""`), or holds that message's own tag. */
  lift(ctx: Context, composer: string, clientActiveAt: number | undefined): void;
  close(): void;
}

export interface PaneRouteParts {
  engine: Engine;
  transports: Transports;
  peer: PeerId;
  pid: number;
  pane(): Pane | undefined;
  /** Has the session's state read from the screen again. */
  lookAgain(): Promise<void>;
}

/** Right after a turn the composer is not there at once. */
const COMPOSER_WAIT_MS = 2_500;
const COMPOSER_LOOK_MS = 250;
/** From Enter to the BeforeAgent hook; the CLI starts it at once, a busy machine takes its time. */
const HOOK_WAIT_MS = 5_000;
/** How our own holds are told from those of the recipient's gate or user. */
const HOLD_PREFIX = "cannot take it now: ";

export function createPaneRoute(parts: PaneRouteParts): PaneRoute {
  const { engine, peer, pid } = parts;
  const id = `pane:${pid}:${crypto.randomUUID()}`;
  const awaited = new Map<string, () => void>();
  const handing = new Set<MessageId>();
  let isOpen = false;

  /** The hand-over before this one, which must be over: two tags in one composer are a text that can never be sent. */
  let before: Promise<unknown> = Promise.resolve();

  function deliver(items: Envelope[]): Promise<DeliverResult[]> {
    const mine = before.then(() => deliverOne(items));
    before = mine.catch(() => {});
    return mine;
  }

  async function deliverOne(items: Envelope[]): Promise<DeliverResult[]> {
    // What rides along comes with the hook, and everything else in a turn of its own.
    const first = items.find((item) => item.urgency !== "fyi") ?? items[0];
    if (!first || !engine.read((ctx) => inHand(ctx, first))) return [];
    const others = items.filter((item) => item !== first);
    await engine.run((ctx) => {
      for (const item of others) backInQueue(ctx, item);
    });
    const hook = Promise.withResolvers<true>();
    awaited.set(first.handle, () => hook.resolve(true));
    handing.add(first.message);
    try {
      const result = await paste(first);
      if (result.verdict !== "not_delivered" && (await within(HOOK_WAIT_MS, hook.promise))) return [];
      log.debug("a tag was not taken", { peer, handle: first.handle, ...result });
      await parts.lookAgain();
      const why =
        result.verdict === "delivered"
          ? `its tag left the composer of ${label()}, and no hook took it yet`
          : result.reason;
      await engine.run((ctx) => {
        const delivery = inHand(ctx, first);
        if (delivery) giveBack(ctx, delivery, `${why} (pane ${label()})`);
      });
      return [];
    } finally {
      awaited.delete(first.handle);
      handing.delete(first.message);
    }
  }

  const label = (): string => parts.pane()?.label ?? "?";

  async function paste(item: Envelope): Promise<PasteResult> {
    const deadline = Date.now() + COMPOSER_WAIT_MS;
    for (;;) {
      const pane = parts.pane();
      if (!pane) return { verdict: "not_delivered", reason: "its pane is gone", passes: false };
      const result = await pasteAndEnter({ pane, pid, text: geminiTag(item.handle), probe: geminiProbe });
      if (result.verdict !== "not_delivered" || !result.passes || Date.now() > deadline) return result;
      await Bun.sleep(COMPOSER_LOOK_MS);
    }
  }

  /** Whether the session's screen is still there to be typed into. */
  async function probe(): Promise<void> {
    if (!parts.pane()) throw new Error("its pane is gone");
  }

  /** The delivery, if this very attempt is still under way. */
  function inHand(ctx: Context, item: Envelope): DeliveryRecord | undefined {
    const delivery = ctx.tx.deliveries.get(item.message, peer);
    return delivery?.state === "leased" && delivery.attempt === item.attempt ? delivery : undefined;
  }

  /** Nobody saw anything of it, so the attempt does not count. */
  function backInQueue(ctx: Context, item: Envelope): void {
    const delivery = inHand(ctx, item);
    if (delivery) move(ctx, delivery, "queued", { attempt: delivery.attempt - 1, rung: undefined });
  }

  function giveBack(ctx: Context, delivery: DeliveryRecord, why: string): void {
    const ask = delivery.kind === "ask" ? ctx.tx.asks.get(delivery.message) : undefined;
    if (ask && ask.state !== "open") {
      closeDelivery(ctx, delivery, "cancelled", "nobody waits for its answer any more");
      return;
    }
    const attempt = Math.max(0, delivery.attempt - 1);
    const activity = ctx.live.activity(peer).state;
    // A turn runs: the end of it brings the next try. Otherwise only the screen can tell when.
    if (activity === "busy" || activity === "waiting") {
      move(ctx, delivery, "queued", { reason: why, attempt, rung: undefined });
      return;
    }
    // Mostly for seconds: whoever waits for the answer goes on waiting, and reads the reason when that ends.
    move(ctx, delivery, "held", { reason: `${HOLD_PREFIX}${why}`, attempt });
  }

  return {
    id,
    get isOpen() {
      return isOpen;
    },
    keep(ctx, wanted) {
      const isThere = ctx.live.route(id) !== undefined;
      isOpen = wanted;
      if (wanted === isThere) return;
      if (!wanted) {
        closeRoute(ctx, id);
        parts.transports.removeTransport(id);
        return;
      }
      parts.transports.addTransport(id, { deliver, probe });
      openRoute(ctx, {
        id,
        peer,
        rung: "pane",
        serves: { idle: 1 },
        ready: true,
        needsProof: false,
        suspect: false,
      });
    },
    taken: (handle) => awaited.get(handle)?.(),
    giveBack,
    giveBackStuck(ctx) {
      for (const delivery of ctx.tx.deliveries.inStates(peer, ["leased"])) {
        if (delivery.lease_route === id && !handing.has(delivery.message))
          giveBack(ctx, delivery, "a hook took its tag and never finished");
      }
    },
    lift(ctx, composer, clientActiveAt) {
      if (clientActiveAt !== undefined && Date.now() - clientActiveAt < PASTE_TIMING.quietMs + 1_000) return;
      for (const delivery of ctx.tx.deliveries.inStates(peer, ["held"])) {
        if (isOurHold(delivery) || !delivery.reason?.startsWith(HOLD_PREFIX)) continue;
        if (composer !== "" && composer !== geminiTag(delivery.handle)) continue;
        move(ctx, delivery, "queued", { rung: undefined });
        ctx.stirred.add(peer);
      }
    },
    close() {
      parts.transports.removeTransport(id);
    },
  };
}
