import { expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { inodeOfConnection } from "./socket-diag.ts";

const sockets = () =>
  readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The folder's own descriptor, closed by now.
      return [];
    }
  });

test.skipIf(process.platform !== "linux")("names each end of a connection, and nothing once it is gone", async () => {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const client = await Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: { data() {} } });
  const inode = inodeOfConnection(client.localPort, server.port);
  const other = inodeOfConnection(server.port, client.localPort);
  expect(sockets()).toContain(`socket:[${inode}]`);
  expect(sockets()).toContain(`socket:[${other}]`);
  expect(other).not.toBe(inode);
  expect(inodeOfConnection(client.localPort, 1)).toBeUndefined();
  const port = client.localPort;
  client.terminate();
  await Bun.sleep(50);
  expect(inodeOfConnection(port, server.port)).toBeUndefined();
});
