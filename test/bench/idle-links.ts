import { findDaemon, linkUrl } from "../../src/client/index.ts";
import { repowireHome } from "../../src/platform/paths.ts";
import { instanceOf } from "../../src/platform/process.ts";
import { PROTOCOL_VERSIONS_UNDERSTOOD, VERSION } from "../../src/protocol/index.ts";

/** `idle-links.ts N`: N sessions of this process that say hello and are then silent, over bare sockets; prints how many were welcomed. */
const count = Number(process.argv[2]);
/** Hellos under way at the same time: sessions start in clusters, not all in one instant. */
const AT_ONCE = 64;
const instance = instanceOf(process.pid);
const address = await findDaemon(repowireHome());
if (!instance || !address) throw new Error("no process table, or no daemon");

async function join(key: number): Promise<void> {
  const socket = new WebSocket(linkUrl(address ?? { port: 0 }));
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("close", () => reject(new Error(`link ${key} was closed`)), { once: true });
  });
  const welcomed = new Promise<string>((resolve) =>
    socket.addEventListener("message", (event) => resolve(String(event.data)), { once: true }),
  );
  const params = {
    token: address?.token,
    protocol: [...PROTOCOL_VERSIONS_UNDERSTOOD],
    client: { name: "bench", version: VERSION },
    session: {
      runtime: "memory",
      process: instance,
      key: String(key),
      link_pid: process.pid,
      path: `${process.cwd()}/session-${key}`,
    },
    cursor: 0,
    receives: true,
    capabilities: [],
  };
  socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "hello", params }));
  const answer = JSON.parse(await welcomed) as { error?: { message: string } };
  if (answer.error) throw new Error(answer.error.message);
}

let next = 0;
async function joinSome(): Promise<void> {
  while (next < count) await join(next++);
}
await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, joinSome));
console.log(JSON.stringify(count));
setInterval(() => {}, 60_000);
