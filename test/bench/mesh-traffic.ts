import { connectLink, findDaemon, type Link, linkUrl } from "../../src/client/index.ts";
import { repowireHome } from "../../src/platform/paths.ts";
import { instanceOf } from "../../src/platform/process.ts";
import { asRepowireError, VERSION } from "../../src/protocol/index.ts";
import { type Order, receiverBook, type Summary, serveOrders } from "./traffic.ts";

/** Traffic over real links: `mesh-traffic.ts N [receipts]` joins N sessions of this process and prints their names, then takes orders (traffic.ts). */
const count = Number(process.argv[2]);
const givesReceipts = process.argv[3] === "receipts";
const instance = instanceOf(process.pid);
if (!instance) throw new Error("no process table");
const book = receiverBook();

const links: Link[] = [];
for (let i = 0; i < count; i++) {
  const link = connectLink({
    locate: async () => {
      const address = await findDaemon(repowireHome());
      if (!address) throw new Error("no daemon");
      return { url: linkUrl(address), token: address.token };
    },
    session: () => ({
      runtime: "memory",
      process: instance,
      key: String(i),
      link_pid: process.pid,
      path: process.cwd(),
    }),
    client: { name: "bench", version: VERSION },
    capabilities: [],
    async onDeliver(items) {
      for (const item of items) book.received(item.body);
      // As a hook or transcript would, once the model has it.
      if (givesReceipts)
        setImmediate(() => {
          for (const item of items) link.report({ type: "seen", message: item.message, by: "bench" });
        });
      return items.map((item) => ({ message: item.message, attempt: item.attempt, outcome: "presented" as const }));
    },
  });
  links.push(link);
}
const names: string[] = [];
for (const link of links) {
  names.push((await link.welcomed).peer.name);
  link.ready();
}
console.log(JSON.stringify(names));

await serveOrders(book, async (order: Order, body): Promise<Summary["refused"]> => {
  let refused = 0;
  await Promise.all(
    order.to.map(async (peer, index) => {
      const { mesh } = links[index % links.length] ?? {};
      if (!mesh) throw new Error("no link");
      await body(async (text) => {
        for (;;) {
          try {
            await mesh.notify({ peer, text });
            return;
          } catch (error) {
            // A full mailbox is the product's own back-pressure.
            if (!asRepowireError(error).retryable) throw error;
            refused++;
            await Bun.sleep(1);
          }
        }
      });
    }),
  );
  return refused;
});
