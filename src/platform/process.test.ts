import { afterAll, expect, test } from "bun:test";
import { connectionOwner, ownsConnection } from "./process.ts";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, self) => Response.json(self.requestIP(request)),
});
afterAll(() => server.stop(true));

async function connection(): Promise<{ daemonPort: number; clientPort: number; openedAt: number }> {
  const response = await fetch(server.url, { keepalive: true });
  const { port } = (await response.json()) as { port: number }; // Bun's SocketAddress
  return { daemonPort: server.port ?? 0, clientPort: port, openedAt: performance.now() };
}

test.skipIf(process.platform !== "linux")("a connection made after the table was read is looked up anew", async () => {
  const first = await connection();
  expect(ownsConnection(process.pid, first)).toBe(true);
  const socket = await Bun.connect({ hostname: "127.0.0.1", port: server.port ?? 0, socket: { data() {} } });
  const later = { daemonPort: server.port ?? 0, clientPort: socket.localPort, openedAt: performance.now() };
  expect(ownsConnection(process.pid, later)).toBe(true);
  expect(connectionOwner(later)).toBe(process.pid);
  expect(ownsConnection(process.ppid, later)).toBe(false);
  socket.end();
});

test.skipIf(process.platform !== "linux")("a connection that nobody has belongs to nobody", () => {
  const nobody = { daemonPort: server.port ?? 0, clientPort: 1, openedAt: performance.now() };
  expect(ownsConnection(process.pid, nobody)).toBeUndefined();
});
