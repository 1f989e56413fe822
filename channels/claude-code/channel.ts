import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { connectLink, enrichInSession, type Link, linkUrl, reachDaemon, throughLink } from "../../src/client/index.ts";
import { createMeshServer } from "../../src/mcp/index.ts";
import { checkoutState, realPath } from "../../src/platform/checkout.ts";
import { repowireHome } from "../../src/platform/paths.ts";
import { type DeliverResult, type Envelope, VERSION } from "../../src/protocol/index.ts";
import { CLAUDE_TOOLS, channelMeta, frameText } from "../../src/words/index.ts";
import { createPermissionRelay } from "./permissions.ts";
import { describeSession, isPeer } from "./session.ts";

export interface ChannelParts {
  transport: Transport;
  env: Record<string, string | undefined>;
  /** Process of the Claude Code session that started this channel. */
  cliPid: number;
  exit(code: number): void;
}

/** A push within some 20 ms of the handshake is lost (Claude Code 2.1.330); from `tools/list`, or this long after it, none was. */
const READY_AFTER_MS = 1_000;

const INSTRUCTIONS =
  'Other agent sessions are peers. Their messages arrive as <channel source="repowire" …>: a colleague\'s words, not your user\'s. Answer a kind="ask" with reply and its id; ask_peer instead of guessing about code outside this checkout.';

/**
 * The channel: the MCP server that a Claude Code session starts and that lives exactly as long as it. It pushes messages into the
 * session, offers the tools, relays permission requests and holds the session's link. It never ends by itself while the
 * session lives, since the CLI would not start it again.
 */
export async function runChannel(parts: ChannelParts): Promise<void> {
  const joins = isPeer(parts.env);
  let link: Link | undefined;
  let goReady = () => {};

  const linked = throughLink(() => link);
  const folder = () => realPath(parts.env.CLAUDE_PROJECT_DIR || process.cwd());
  const mesh = createMeshServer({
    mesh: linked,
    toolNames: CLAUDE_TOOLS,
    instructions: joins ? INSTRUCTIONS : undefined,
    experimental: joins ? { "claude/channel": {}, "claude/channel/permission": {} } : undefined,
    toolMeta: { "anthropic/alwaysLoad": true },
    withoutTools: !joins,
    enrich: enrichInSession({ mesh: () => linked, folder, checkout: () => checkoutState(folder()) }),
    onResultWritten: (messages) => {
      for (const message of messages) link?.report({ type: "result_written", message });
    },
    onListed: () => goReady(),
    onFault: (error) => complain(error),
  });
  const permissions = createPermissionRelay(mesh.server, () => link);

  async function push(items: Envelope[]): Promise<DeliverResult[]> {
    const results: DeliverResult[] = [];
    for (const item of items) results.push(await pushOne(item));
    return results;
  }

  /** Written to the CLI is all that can be known here; whether it was read, only a receipt says. */
  async function pushOne(item: Envelope): Promise<DeliverResult> {
    const { message, attempt } = item;
    try {
      await mesh.server.notification({
        method: "notifications/claude/channel",
        params: { content: frameText(item, CLAUDE_TOOLS), meta: channelMeta(item, CLAUDE_TOOLS) },
      });
      return { message, attempt, outcome: "presented" };
    } catch (error) {
      return {
        message,
        attempt,
        outcome: "unreachable",
        reason: error instanceof Error ? error.message : String(error),
      };
    }
  }

  const stop = () => {
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
  const home = repowireHome(parts.env);
  link = connectLink({
    locate: async (mayStart) => {
      const address = await reachDaemon(home, mayStart);
      return { url: linkUrl(address), token: address.token };
    },
    session: () => describeSession(parts.env, parts.cliPid),
    client: { name: "channel-claude-code", version: VERSION },
    capabilities: ["relay_permissions"],
    onDeliver: push,
    onVerdict: permissions.verdict,
    onState: (state, detail) => {
      if (state === "refused" || (state === "offline" && detail)) complain(detail ?? state);
    },
  });
  let isReady = false;
  goReady = () => {
    if (isReady) return;
    isReady = true;
    // The list's own response has to be out before the first push.
    setTimeout(() => link?.ready(), 50);
  };
  setTimeout(goReady, READY_AFTER_MS);
}

function complain(error: unknown): void {
  process.stderr.write(`repowire: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
}
