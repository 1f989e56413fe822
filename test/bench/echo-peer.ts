/** The baseline: a bare WebSocket echo between two processes. `serve`: prints its port. `ask PORT N`: N round trips, their milliseconds. */
const [mode, port, count] = process.argv.slice(2);

if (mode === "serve") {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no")),
    websocket: { message: (socket, message) => void socket.send(message) },
  });
  process.stdout.write(`${server.port}\n`);
} else {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  // As long as the frame of an ask.
  const text = "x".repeat(320);
  const times: number[] = [];
  for (let i = 0; i < Number(count); i++) {
    const from = performance.now();
    const back = new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
    socket.send(text);
    await back;
    times.push(performance.now() - from);
  }
  process.stdout.write(`${JSON.stringify(times)}\n`, () => process.exit(0));
}

export {};
