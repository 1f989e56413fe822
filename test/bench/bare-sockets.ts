/** Bare WebSockets for comparison: `serve` prints its port; `connect PORT N` opens N and holds them. */
const [mode, port, count] = process.argv.slice(2);
/** Connections being opened at the same time. */
const AT_ONCE = 64;

if (mode === "serve") {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no")),
    websocket: { message: (socket, message) => void socket.send(message), sendPings: true, idleTimeout: 60 },
  });
  console.log(server.port);
} else {
  let opened = 0;
  const open = async () => {
    while (opened++ < Number(count)) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}`);
      await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, open));
  console.log(count);
  setInterval(() => {}, 60_000);
}

export {};
