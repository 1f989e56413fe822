import type { Engine } from "../../core/index.ts";
import { RepowireError } from "../../protocol/index.ts";
import type { LinkProfile, RuntimeAdapter } from "../adapter.ts";

/**
 * OpenCode on the daemon's side. Nothing reaches its sessions from outside: the plugin in OpenCode's own process injects, proves and
 * answers over its link, so all that is left here is to say how that link serves.
 */
export function createOpenCodeAdapter({ engine }: { engine: Engine }): RuntimeAdapter {
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
