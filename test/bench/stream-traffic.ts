import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type Order, receiverBook, serveOrders } from "./traffic.ts";

/** The same traffic over NATS JetStream: `stream-traffic.ts PORT N send|receive`; N connections, each with a subject of its own. */
const [port, count, mode] = process.argv.slice(2);
const book = receiverBook();
const connections: NatsConnection[] = [];
const names: string[] = [];
const STREAM = "bench";

for (let i = 0; i < Number(count); i++) {
  connections.push(await connect({ servers: `127.0.0.1:${port}` }));
  names.push(`${STREAM}.${i}`);
}
const [first] = connections;
if (!first) throw new Error("no connection");
if (mode === "receive") {
  const manager = await jetstreamManager(first);
  await manager.streams.add({ name: STREAM, subjects: [`${STREAM}.*`] });
  for (const [index, connection] of connections.entries()) {
    const name = names[index] ?? "";
    await manager.consumers.add(STREAM, {
      durable_name: name.replace(".", "-"),
      filter_subject: name,
      ack_policy: AckPolicy.Explicit,
    });
    const consumer = await jetstream(connection).consumers.get(STREAM, name.replace(".", "-"));
    await consumer.consume({
      max_messages: 1_000,
      callback(message) {
        book.received(message.string());
        message.ack();
      },
    });
  }
}
console.log(JSON.stringify(names));

const streams = connections.map((connection) => jetstream(connection));
await serveOrders(book, async (order: Order, stream) => {
  await Promise.all(
    order.to.map((subject, index) =>
      stream(async (text) => {
        await streams[index % streams.length]?.publish(subject, text);
      }),
    ),
  );
  return 0;
});
