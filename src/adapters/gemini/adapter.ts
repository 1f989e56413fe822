import type { Engine, PeerRecord } from "../../core/index.ts";
import { logger } from "../../platform/log.ts";
import type { PeerId } from "../../protocol/index.ts";
import type { RuntimeAdapter, Transports } from "../adapter.ts";
import type { FileReports } from "../files.ts";
import { createSoonLooker } from "../look-soon.ts";
import { discoverGemini } from "./discover.ts";
import { geminiEvidence } from "./evidence.ts";
import { createGeminiHooks } from "./hooks.ts";
import { geminiOwnTurns } from "./own-turns.ts";
import { createGeminiSession, type GeminiSession } from "./session.ts";

const log = logger("gemini");

/** Titles and transcripts are looked at this often; while receipts are awaited, transcripts more often. */
const TICK_MS = 1_000;

/** Everything that the daemon knows about Gemini CLI sessions: their hooks, transcripts and panes. */
export function createGeminiAdapter(parts: {
  engine: Engine;
  transports: Transports;
  files: FileReports;
}): RuntimeAdapter {
  const { engine } = parts;
  const sessions = new Map<PeerId, GeminiSession>();
  let ticking: ReturnType<typeof setInterval> | undefined;
  const ticks = new Set<PeerId>();

  function attach(peer: PeerRecord): GeminiSession | undefined {
    const { instance, config_dir: configDir } = peer;
    if (!instance || !configDir) return undefined;
    const known = sessions.get(peer.id);
    if (known && known.pid === instance.pid && known.configDir === configDir) return known;
    known?.close();
    const session = createGeminiSession({ ...parts, peer, pid: instance.pid, configDir });
    sessions.set(peer.id, session);
    void tickOne(session);
    return session;
  }

  /** One look at a time for each session: a slow tmux must not pile them up. */
  async function tickOne(session: GeminiSession): Promise<void> {
    if (ticks.has(session.peer)) return;
    ticks.add(session.peer);
    try {
      await session.tick();
    } catch (error) {
      log.error("a session could not be followed", { peer: session.peer, error });
    } finally {
      ticks.delete(session.peer);
    }
  }

  function tick(): void {
    for (const session of sessions.values()) {
      const peer = engine.read((ctx) => ctx.tx.peers.get(session.peer));
      if (peer && peer.presence.state !== "offline" && peer.instance?.pid === session.pid) void tickOne(session);
      else {
        session.close();
        sessions.delete(session.peer);
      }
    }
  }

  const soon = createSoonLooker({
    look: (peer) => sessions.get(peer)?.catchUp(),
    isUnsettled: (peer) => engine.read((ctx) => ctx.tx.deliveries.count(peer, ["leased", "presented"]) > 0),
  });

  const hooks = createGeminiHooks({ engine, attach });

  return {
    runtime: "gemini",
    // Its link carries tools only: nothing can be pushed through an MCP server of this CLI.
    linkProfile: () => undefined,
    attach: (peer) => void attach(peer),
    watch: soon.watch,
    mayBeSubagent: (peer) => sessions.get(peer.id)?.mayBeSubagent() ?? true,
    onVerdict() {
      // No verdict can reach its dialogs from outside (0.61.0), so no request is ever made for one.
    },
    onHook: (report) => hooks.report(report),
    onHookPrinted: hooks.printed,
    async start() {
      for (const peer of engine.read((ctx) => ctx.tx.peers.all())) {
        if (peer.runtime === "gemini" && peer.presence.state !== "offline") {
          await engine.run((ctx) => ctx.live.setGivesReceipts(ctx.tx, peer.id, peer.capabilities.includes("hooks")));
          attach(peer);
        }
      }
      ticking = setInterval(tick, TICK_MS);
    },
    async stop() {
      clearInterval(ticking);
      for (const session of sessions.values()) session.close();
    },
    discover: async (places) => discoverGemini(engine, places),
    evidence: async (peer, claims) => geminiEvidence(peer, claims),
    ownTurns: async (peer) => geminiOwnTurns(peer),
    health: () => ({ ok: true, detail: `${sessions.size} sessions followed` }),
  };
}
