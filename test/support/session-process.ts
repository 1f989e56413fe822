import { connectLink, linkUrl, locateDaemon } from "../../src/client/index.ts";
import { readCheckout } from "../../src/platform/checkout.ts";
import { repowireHome } from "../../src/platform/paths.ts";
import { instanceOf } from "../../src/platform/process.ts";
import { asRepowireError, type CallOptions, type OperationName } from "../../src/protocol/index.ts";
import type { FromSession, SessionSetup, ToSession } from "./fake-session.ts";

// A session in a process of its own, told what to do by its parent over IPC. It reads nothing by itself: it says what it gets.
const setup = JSON.parse(process.env.FAKE_SESSION ?? "{}") as SessionSetup; // written by fake-session.ts
const { turns } = setup;
const tell = (event: FromSession) => process.send?.(event);
const instance = instanceOf(process.pid);
if (!instance) throw new Error("this process is not in the process table");

const checkout = readCheckout(process.cwd());
const link = connectLink({
  locate: async () => {
    const address = locateDaemon(repowireHome());
    if (!address) throw new Error("no daemon");
    return { url: linkUrl(address), token: address.token };
  },
  session: () => ({
    runtime: setup.runtime ?? "memory",
    process: instance,
    link_pid: process.pid,
    path: process.cwd(),
    branch: checkout?.branch,
    worktree_of: checkout?.worktreeOf,
    name: setup.name,
    circle: setup.circle,
  }),
  client: { name: "fake-session", version: "1" },
  capabilities: ["relay_permissions", ...(turns ? ["own_turns"] : [])],
  onDeliver: async (items) => {
    for (const item of items) tell({ type: "delivered", item });
    return items.map(({ message, attempt }) => ({ message, attempt, outcome: "presented" as const }));
  },
  onTurns: turns && (async () => turns),
  onVerdict: (verdict) => tell({ type: "verdict", ...verdict }),
  timing: { reconnectMinMs: 20, reconnectMaxMs: 100 },
});

process.on("message", async (order: ToSession) => {
  if (order.type === "report") return link.report(order.report);
  if (order.type === "files") return link.files(order.used);
  if (order.type === "permission") return link.requestPermission(order.request);
  if (order.type === "run") {
    const child = Bun.spawn(order.command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return tell({ type: "result", id: order.id, value: { code: await child.exited, out, err } });
  }
  const call = link.mesh[order.name as OperationName] as (input: unknown, options?: CallOptions) => Promise<unknown>;
  call(order.input).then(
    (value) => tell({ type: "result", id: order.id, value }),
    (error) => {
      const { code, message } = asRepowireError(error);
      tell({ type: "result", id: order.id, error: { code, message } });
    },
  );
});
process.on("disconnect", () => process.exit(0));

const { peer } = await link.welcomed;
link.ready();
tell({ type: "joined", id: peer.id, name: peer.name });
