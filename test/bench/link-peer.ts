import { connectLink, findDaemon, linkUrl } from "../../src/client/index.ts";
import { repowireHome } from "../../src/platform/paths.ts";
import { instanceOf } from "../../src/platform/process.ts";
import { VERSION } from "../../src/protocol/index.ts";

/**
 * One end of the round trip, in a process of its own as every session is. `answer`: replies to each question at once. `ask PEER N`:
 * asks N times, one after the other, and prints the milliseconds of each as one JSON array.
 */
const [mode, peer, count] = process.argv.slice(2);
const instance = instanceOf(process.pid);
if (!instance) throw new Error("no process table");

const link = connectLink({
  locate: async () => {
    const address = await findDaemon(repowireHome());
    if (!address) throw new Error("no daemon");
    return { url: linkUrl(address), token: address.token };
  },
  session: () => ({ runtime: "memory", process: instance, link_pid: process.pid, path: process.cwd() }),
  client: { name: "bench", version: VERSION },
  capabilities: [],
  async onDeliver(items) {
    for (const item of items) if (item.kind === "ask") void link.mesh.reply({ id: item.handle, text: "ok" });
    return items.map((item) => ({ message: item.message, attempt: item.attempt, outcome: "presented" as const }));
  },
});
const welcome = await link.welcomed;
link.ready();

if (mode === "ask" && peer) {
  const times: number[] = [];
  for (let i = 0; i < Number(count); i++) {
    const from = performance.now();
    const outcome = await link.mesh.ask({ peer, question: `What does GET /users return? (${i})`, wait_seconds: 30 });
    times.push(performance.now() - from);
    if (outcome.state !== "answered") throw new Error(`not answered: ${JSON.stringify(outcome)}`);
    if (outcome.answer) link.report({ type: "result_written", message: outcome.answer.message });
  }
  process.stdout.write(`${JSON.stringify(times)}\n`, () => process.exit(0));
} else {
  process.stdout.write(`${welcome.peer.name}\n`);
}
