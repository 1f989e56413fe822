import type { Order, Received, Summary } from "./traffic.ts";
import type { BenchWorld, Script } from "./world.ts";

/** Two processes that hold the sending and the receiving ends of N streams. */
export interface Ends {
  sender: Script;
  receiver: Script;
  names: string[];
}

export type Connect = (streams: number) => Promise<Ends>;

/** Over the daemon whose environment this is. */
export function overMesh(world: BenchWorld, env: Record<string, string>, ...options: "receipts"[]): Connect {
  return async (streams) => {
    const join = (side: string) =>
      world.script(
        "mesh-traffic.ts",
        [String(streams), ...options],
        world.folder(`${side}${world.children.length}`),
        env,
      );
    const receiver = join("to");
    const names = await receiver.json<string[]>();
    const sender = join("from");
    await sender.json();
    return { sender, receiver, names };
  };
}

export function overStream(world: BenchWorld, port: number): Connect {
  return async (streams) => {
    const side = (mode: string) => world.script("stream-traffic.ts", [String(port), String(streams), mode], world.root);
    const receiver = side("receive");
    const names = await receiver.json<string[]>();
    const sender = side("send");
    await sender.json();
    return { sender, receiver, names };
  };
}

export interface Outcome {
  latencies: number[];
  /** From the first send to the last receipt, in messages per second. */
  perSecond: number;
  refused: number;
}

export async function carry(ends: Ends, order: Omit<Order, "to">): Promise<Outcome> {
  const total = order.count * ends.names.length;
  ends.receiver.say(JSON.stringify({ expect: total }));
  ends.sender.say(JSON.stringify({ send: { ...order, to: ends.names } satisfies Order }));
  const sent = await ends.sender.json<Summary & { from: number }>();
  const received = await ends.receiver.json<Received>();
  return {
    latencies: received.latencies,
    perSecond: (1000 * received.count) / (received.lastAt - sent.from),
    refused: sent.refused,
  };
}

export async function close(ends: Ends): Promise<void> {
  await ends.sender.stop();
  await ends.receiver.stop();
}
