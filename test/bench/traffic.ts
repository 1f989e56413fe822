import { preciseNow } from "../../src/platform/trace-ids.ts";

/** What both sides of a comparison do alike: bodies of one size that carry their time, a window of open sends, and the counting. */

export interface Order {
  /** One stream of messages for each name. */
  to: string[];
  /** Messages of each stream. */
  count: number;
  /** Sends of one stream that may be open at the same time; 1: one after the other. */
  window: number;
  /** At most so many a second, over all streams; unlimited when 0. */
  perSecond: number;
}

export interface Summary {
  sent: number;
  seconds: number;
  /** Times that a send was refused for the moment and tried again. */
  refused: number;
}

export interface Received {
  count: number;
  /** Milliseconds from sending to receipt, in the order of receipt. */
  latencies: number[];
  /** When the last one came, on the shared clock. */
  lastAt: number;
}

const BODY_BYTES = 500;

export function bodyNow(): string {
  return `${preciseNow().toFixed(3)} `.padEnd(BODY_BYTES, "The quick brown fox jumps over the lazy dog. ");
}

export interface ReceiverBook {
  received(body: string): void;
  take(): Received;
  waitFor(count: number): Promise<void>;
}

export function receiverBook(): ReceiverBook {
  let latencies: number[] = [];
  let lastAt = 0;
  let waiting: { count: number; resolve(): void } | undefined;
  return {
    received(body) {
      lastAt = preciseNow();
      latencies.push(lastAt - Number.parseFloat(body));
      if (waiting && latencies.length >= waiting.count) waiting.resolve();
    },
    take() {
      const taken = { count: latencies.length, latencies, lastAt };
      latencies = [];
      return taken;
    },
    waitFor(count) {
      if (latencies.length >= count) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting = { count, resolve };
      return promise;
    },
  };
}

type Send = (text: string) => Promise<unknown>;
/** Runs one stream of an order, given how one message is sent. */
type Stream = (send: Send) => Promise<void>;

/** Reads orders from stdin, one JSON line each: `{"send": Order}`, or `{"expect": count}` on the receiving side. */
export async function serveOrders(
  book: ReceiverBook,
  send: (order: Order, stream: Stream) => Promise<number>,
): Promise<void> {
  for await (const line of console) {
    const order = JSON.parse(line) as { send: Order } | { expect: number };
    if ("expect" in order) {
      await book.waitFor(order.expect);
      console.log(JSON.stringify(book.take()));
    } else {
      const from = preciseNow();
      const refused = await send(order.send, (one) => stream(order.send, one));
      const sent = order.send.to.length * order.send.count;
      console.log(JSON.stringify({ from, sent, seconds: (preciseNow() - from) / 1000, refused }));
    }
  }
}

async function stream(order: Order, send: Send): Promise<void> {
  const pauseMs = order.perSecond === 0 ? 0 : (1000 * order.to.length) / order.perSecond;
  const open = new Set<Promise<unknown>>();
  // Streams begin at different moments, as sessions do.
  const from = preciseNow() + Math.random() * pauseMs;
  for (let i = 0; i < order.count; i++) {
    if (pauseMs > 0) await Bun.sleep(Math.max(0, from + i * pauseMs - preciseNow()));
    while (open.size >= order.window) await Promise.race(open);
    const sending: Promise<unknown> = send(bodyNow()).finally(() => open.delete(sending));
    open.add(sending);
  }
  await Promise.all(open);
}
