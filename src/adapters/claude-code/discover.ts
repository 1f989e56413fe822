import { homedir } from "node:os";
import { join } from "node:path";
import { claimSeat, type Engine, type PeerRecord } from "../../core/index.ts";
import { readCheckout, realPath } from "../../platform/checkout.ts";
import { instanceOf, processInfo } from "../../platform/process.ts";
import { type Places, sameInstance, type UnreachableSession } from "../../protocol/index.ts";
import type { Discovery } from "../adapter.ts";
import { liveRecords, type SessionRecord } from "./record.ts";

/** What works through the inbox socket alone (Claude Code 2.1.248 and later), with nothing installed. */
const CAN = [
  "gets messages through its own inbox socket",
  "answers with its own SendMessage",
  "is seen idle, busy, waiting",
] as const;

/**
 * Finds the live sessions of a person by the records that Claude Code keeps of them. A record says who a session is, and only its
 * user can write it; the process behind it is checked, but nothing proves that the record is true, so the seat is `asserted` until
 * a hook or channel of the session itself has spoken.
 */
export async function discoverClaude(
  engine: Engine,
  places: Places,
  attach: (peer: PeerRecord) => Promise<void>,
): Promise<Discovery> {
  const configDir = places.CLAUDE_CONFIG_DIR || join(places.HOME || homedir(), ".claude");
  const discovery: Discovery = { found: [], unreachable: [] };
  for (const record of liveRecords(configDir)) {
    // `claude -p` and the like are no peers.
    if (record.entrypoint !== undefined && record.entrypoint !== "cli") continue;
    if (processInfo(record.pid)?.uid !== process.getuid?.()) continue;
    if (record.messagingSocketPath) discovery.found.push(await joinMesh(engine, configDir, record, attach));
    else discovery.unreachable.push(unreachable(record));
  }
  return discovery;
}

async function joinMesh(
  engine: Engine,
  configDir: string,
  record: SessionRecord,
  attach: (peer: PeerRecord) => Promise<void>,
): Promise<Discovery["found"][number]> {
  const instance = instanceOf(record.pid);
  const known = engine.read((ctx) =>
    ctx.tx.peers.all().find((peer) => sameInstance(peer.instance, instance) && peer.presence.state !== "offline"),
  );
  if (known) return { peer: known.id, isNew: false, can: CAN };
  const path = record.cwd === undefined ? undefined : realPath(record.cwd);
  const checkout = path === undefined ? undefined : readCheckout(path);
  const peer = await engine.run((ctx) =>
    claimSeat(ctx, {
      runtime: "claude-code",
      role: "agent",
      instance,
      conversation: record.sessionId,
      path,
      branch: checkout?.branch,
      worktree_of: checkout?.worktreeOf,
      config_dir: configDir,
      capabilities: [],
      identity: "asserted",
    }),
  );
  await attach(peer);
  return { peer: peer.id, isNew: true, can: CAN };
}

function unreachable(record: SessionRecord): UnreachableSession {
  return {
    runtime: "claude-code",
    pid: record.pid,
    path: record.cwd,
    why: `Claude Code ${record.version ?? "of that version"} gives its sessions no inbox socket`,
    next: "update it to 2.1.248 or later (claude update), or run `repowire setup` and restart the session",
  };
}
