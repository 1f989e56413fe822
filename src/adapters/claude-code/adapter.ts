import type { Engine, PeerRecord } from "../../core/index.ts";
import { logger } from "../../platform/log.ts";
import type { HomePaths } from "../../platform/paths.ts";
import { processArgs } from "../../platform/process.ts";
import type { Hello, PeerId } from "../../protocol/index.ts";
import type { LinkProfile, RuntimeAdapter } from "../adapter.ts";
import type { ClaudeInbox } from "../claude-inbox/inbox.ts";
import type { FileReports } from "../files.ts";
import { createSoonLooker } from "../look-soon.ts";
import { createBoundaryFlags } from "./boundary.ts";
import { discoverClaude } from "./discover.ts";
import { claudeEvidence } from "./evidence.ts";
import { createHookHandler } from "./hooks.ts";
import { claudeOwnTurns } from "./own-turns.ts";
import { createPermissionWaits } from "./permission-waits.ts";
import { watchRecords } from "./record.ts";
import { type ClaudeSession, createClaudeSession } from "./session.ts";

const log = logger("claude-code");

export interface ClaudeCodeParts {
  engine: Engine;
  inbox: ClaudeInbox;
  paths: HomePaths;
  humanName: string;
  files: FileReports;
}

/** While receipts are awaited the transcript is read this often, after the first seconds. */
const LOOK_LATER_MS = 1_000;

/** Everything that the daemon knows about Claude Code sessions, whichever of channel, hooks and inbox socket they have. */
export function createClaudeCodeAdapter(parts: ClaudeCodeParts): RuntimeAdapter {
  const { engine, inbox } = parts;
  const sessions = new Map<PeerId, ClaudeSession>();
  const watchers = new Map<string, { close(): void }>();
  const permissionWaits = createPermissionWaits();
  const flags = createBoundaryFlags(parts.paths.between);
  const writing = createBoundaryFlags(parts.paths.writing);
  let ticking: ReturnType<typeof setInterval> | undefined;

  function attach(peer: PeerRecord): ClaudeSession | undefined {
    const { instance, config_dir: configDir } = peer;
    if (!instance || !configDir) return undefined;
    const known = sessions.get(peer.id);
    if (known && known.pid === instance.pid && known.configDir === configDir) {
      void look(known);
      return known;
    }
    known?.close();
    const session = createClaudeSession({ engine, inbox, files: parts.files, peer, pid: instance.pid, configDir });
    sessions.set(peer.id, session);
    watchFolder(configDir);
    void look(session);
    return session;
  }

  function watchFolder(configDir: string): void {
    if (watchers.has(configDir)) return;
    const watcher = watchRecords(configDir, (pid) => {
      for (const session of sessions.values())
        if (session.pid === pid && session.configDir === configDir) void look(session);
    });
    if (watcher) watchers.set(configDir, watcher);
  }

  async function look(session: ClaudeSession): Promise<void> {
    try {
      await session.refresh();
      flags.keep(
        session.pid,
        engine.read((ctx) => ctx.live.routes(session.peer).every((route) => route.serves.idle === undefined)),
      );
    } catch (error) {
      log.error("a session could not be followed", { peer: session.peer, error });
    }
  }

  /** Looks for receipts as long as something handed over is unsettled, and forgets sessions that ended. */
  function tick(): void {
    const sharing = parts.files.sharing();
    for (const session of sessions.values()) {
      const state = engine.read((ctx) => unsettled(ctx, session.peer));
      if (state === "gone") {
        forget(session);
        continue;
      }
      writing.keep(session.pid, sharing.has(session.peer));
      if (!watchers.has(session.configDir)) watchFolder(session.configDir);
      void look(session);
      if (state === "unsettled")
        void session.catchUp().catch((error) => log.error("a transcript was not followed", { error }));
    }
  }

  function unsettled(
    ctx: Parameters<Parameters<Engine["read"]>[0]>[0],
    peerId: PeerId,
  ): "gone" | "unsettled" | "settled" {
    const peer = ctx.tx.peers.get(peerId);
    if (!peer || peer.presence.state === "offline") return "gone";
    if (ctx.tx.deliveries.count(peerId, ["leased", "presented", "held"]) > 0) return "unsettled";
    return ctx.tx.asks.openTo(peerId).length > 0 ? "unsettled" : "settled";
  }

  function forget(session: ClaudeSession): void {
    session.close();
    sessions.delete(session.peer);
    soon.forget(session.peer);
    flags.keep(session.pid, false);
    writing.keep(session.pid, false);
  }

  const soon = createSoonLooker({
    look: (peer) => sessions.get(peer)?.catchUp(),
    isUnsettled: (peer) => engine.read((ctx) => unsettled(ctx, peer)) === "unsettled",
  });

  const hooks = createHookHandler({ engine, humanName: parts.humanName, attach, permissionWaits, files: parts.files });

  return {
    runtime: "claude-code",
    linkProfile,
    attach: (peer) => void attach(peer),
    watch: soon.watch,
    mayBeSubagent: (peer, toolUseId) => sessions.get(peer.id)?.mayBeSubagent(toolUseId) ?? true,
    onVerdict: (verdict) => permissionWaits.settle(verdict),
    onHook: hooks.report,
    onHookPrinted: hooks.printed,
    async start() {
      for (const peer of engine.read((ctx) => ctx.tx.peers.all())) {
        if (peer.runtime === "claude-code" && peer.presence.state !== "offline") attach(peer);
      }
      ticking = setInterval(tick, LOOK_LATER_MS);
    },
    async stop() {
      clearInterval(ticking);
      permissionWaits.close();
      for (const watcher of watchers.values()) watcher.close();
      for (const session of sessions.values()) session.close();
    },
    discover: (places) =>
      discoverClaude(engine, places, async (peer) => {
        const session = attach(peer);
        // Its socket is a route only once the record was read.
        if (session) await look(session);
      }),
    evidence: async (peer, claims) =>
      claudeEvidence(peer, claims, ({ message, handle }) => inbox.addressOf(message, handle)),
    ownTurns: async (peer) => claudeOwnTurns(peer),
    health: () => ({ ok: true, detail: `${sessions.size} sessions followed` }),
  };
}

/**
 * A channel can push only where its session was started with our server among its channels; the handshake says nothing about it,
 * the command line does. Where that cannot be read, the channel is tried, unproven.
 */
function linkProfile(hello: Hello): LinkProfile | undefined {
  const args = processArgs(hello.session.process.pid);
  if (args.length > 0 && !namesChannel(args)) return undefined;
  return { rung: "channel", serves: { idle: 1, busy: 2 }, needsProof: true };
}

const CHANNEL_FLAGS = ["--channels", "--dangerously-load-development-channels"];

export function namesChannel(args: readonly string[]): boolean {
  return args.some((arg, index) => {
    const flag = CHANNEL_FLAGS.find((name) => arg === name || arg.startsWith(`${name}=`));
    if (!flag) return false;
    const following = args.slice(index + 1);
    const end = following.findIndex((word) => word.startsWith("-"));
    const entries = arg === flag ? following.slice(0, end < 0 ? undefined : end) : [arg.slice(flag.length + 1)];
    return entries.some((entry) =>
      entry.split(",").some((name) => name === "server:repowire" || name.startsWith("plugin:repowire@")),
    );
  });
}
