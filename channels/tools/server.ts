import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  claimOf,
  connectLink,
  enrichInSession,
  type Link,
  linkUrl,
  reachDaemon,
  throughLink,
} from "../../src/client/index.ts";
import { createMeshServer } from "../../src/mcp/index.ts";
import { checkoutState, realPath } from "../../src/platform/checkout.ts";
import { repowireHome } from "../../src/platform/paths.ts";
import { instanceOf, isAlive } from "../../src/platform/process.ts";
import { RepowireError, VERSION } from "../../src/protocol/index.ts";
import { TOOLS_RUNTIMES } from "./runtimes.ts";

export interface ToolsServerParts {
  runtime: string;
  transport: Transport;
  env: Record<string, string | undefined>;
  /** Process of the agent CLI that started this server. */
  cliPid: number;
  exit(code: number): void;
}

/** A CLI that was killed may leave the pipe open in another process that it started. */
const PARENT_LOOK_MS = 2_000;

/**
 * The tools alone, as an MCP server that an agent CLI starts over stdio and that lives as long as its session. Nothing is pushed here:
 * messages reach such a session in other ways. The link takes the seat of the CLI's process, which its hooks report on, too.
 */
export async function runToolsServer(parts: ToolsServerParts): Promise<void> {
  const row = Object.hasOwn(TOOLS_RUNTIMES, parts.runtime) ? TOOLS_RUNTIMES[parts.runtime] : undefined;
  if (!row) {
    const known = Object.keys(TOOLS_RUNTIMES).join(", ");
    throw new RepowireError("invalid_input", `There are no tools over stdio for "${parts.runtime}". Known: ${known}.`);
  }
  const { env, cliPid } = parts;
  const joins = row.isPeer(env, cliPid);
  const cli = instanceOf(cliPid);
  let link: Link | undefined;
  const linked = throughLink(() => link);
  const folder = () => realPath(row.folder(env));
  const mesh = createMeshServer({
    mesh: linked,
    toolNames: row.toolNames,
    instructions: joins ? row.instructions : undefined,
    withoutTools: !joins,
    enrich: enrichInSession({ mesh: () => linked, folder, checkout: () => checkoutState(folder()) }),
    onResultWritten: (messages) => {
      for (const message of messages) link?.report({ type: "result_written", message });
    },
    onFault: complain,
  });

  const watching = setInterval(() => {
    if (!cli || !isAlive(cli)) stop();
  }, PARENT_LOOK_MS);
  const stop = () => {
    clearInterval(watching);
    link?.close();
    parts.exit(0);
  };
  mesh.server.onclose = stop;
  process.stdin.on("end", stop);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);

  const initialized = Promise.withResolvers<void>();
  mesh.server.oninitialized = () => initialized.resolve();
  await mesh.connect(parts.transport);
  if (!joins) return;
  // After the handshake, so that its answer never waits for the daemon.
  await initialized.promise;
  const home = repowireHome(env);
  link = connectLink({
    locate: async (mayStart) => {
      const address = await reachDaemon(home, mayStart);
      return { url: linkUrl(address), token: address.token };
    },
    session: () =>
      claimOf({ runtime: row.runtime, env, cliPid, folder: row.folder(env), configDir: row.configDir(env) }),
    client: { name: `tools-${row.runtime}`, version: VERSION },
    capabilities: [],
    onDeliver: async (items) =>
      items.map(({ message, attempt }) => ({ message, attempt, outcome: "unreachable", reason: "tools only" })),
    onState: (state, detail) => {
      if (state === "refused" || (state === "offline" && detail)) complain(detail ?? state);
    },
  });
}

function complain(error: unknown): void {
  process.stderr.write(`repowire: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
}
