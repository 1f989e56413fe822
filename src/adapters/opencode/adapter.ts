import type { Engine } from "../../core/index.ts";
import { asRepowireError, LIMITS, RepowireError } from "../../protocol/index.ts";
import type { LinkProfile, RuntimeAdapter, Transports } from "../adapter.ts";
import type { OwnTurns } from "../own-turns.ts";

/**
 * OpenCode on the daemon's side. Nothing reaches its sessions from outside: the plugin in OpenCode's own process injects, proves and
 * answers over its link, so all that is left here is to say how that link serves.
 */
export function createOpenCodeAdapter({
  engine,
  transports,
  waitMs = LIMITS.ownTurnsWaitMs,
}: {
  engine: Engine;
  transports: Pick<Transports, "transportOf">;
  waitMs?: number;
}): RuntimeAdapter {
  return {
    runtime: "opencode",
    linkProfile: () => PROFILE,
    attach(peer) {
      // The plugin reports everything that it stores: where it says nothing, nothing arrived.
      void engine.run((ctx) => ctx.live.setGivesReceipts(ctx.tx, peer.id, true));
    },
    watch() {
      // The plugin's reports come by themselves.
    },
    // Its store has no schema that is promised: the plugin asks OpenCode itself, while it runs.
    async ownTurns(peer) {
      const ways = engine.read((ctx) => ctx.live.routes(peer.id)).flatMap(({ id }) => transports.transportOf(id) ?? []);
      if (ways.length === 0) return { reason: "OpenCode itself reads its record, and is not running" };
      const reader = ways.find((way) => way.ownTurns);
      if (!reader?.ownTurns) return { reason: "its plugin is of an older repowire; restart OpenCode" };
      return inTime(reader.ownTurns(), waitMs);
    },
    // The link says it of each call (`meta.subagent`); a call that says nothing proves nothing.
    mayBeSubagent: () => true,
    onVerdict() {
      // Its link is told by the link server.
    },
    onHook: async () => {
      throw new RepowireError("not_found", "OpenCode has no hooks of repowire; its plugin uses the link.");
    },
    onHookPrinted: async () => {},
    async start() {},
    async stop() {},
    health: () => ({ ok: true }),
  };
}

/** Idle: a prompt of its own. Busy: a note on its way to the model, which is no part of the turn. */
const PROFILE: LinkProfile = { rung: "push", serves: { idle: 1, busy: 1, notes: true }, needsProof: false };

/** An OpenCode that hangs, or ends meanwhile, is a record that cannot be read. */
async function inTime(reading: Promise<OwnTurns>, ms: number): Promise<OwnTurns> {
  const late = Promise.withResolvers<OwnTurns>();
  const reason = `OpenCode did not read its record within ${ms / 1_000} s`;
  const timer = setTimeout(() => late.resolve({ reason }), ms);
  try {
    return await Promise.race([reading, late.promise]);
  } catch (error) {
    return { reason: `OpenCode could not read its record: ${asRepowireError(error).message}` };
  } finally {
    clearTimeout(timer);
  }
}
