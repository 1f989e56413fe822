import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../core/index.ts";
import { realPath } from "../../platform/checkout.ts";
import type { HomePaths } from "../../platform/paths.ts";
import { CODEX_MCP_SCOPE, scopedToken } from "../../platform/token.ts";
import { type PeerId, RepowireError } from "../../protocol/index.ts";
import type { Discovery, RuntimeAdapter, SharedServer, Transports } from "../adapter.ts";
import type { FileReports } from "../files.ts";
import { createSoonLooker } from "../look-soon.ts";
import { controlSocket } from "./control.ts";
import { type CodexHome, createCodexHome } from "./home.ts";
import { createHookHandler } from "./hooks.ts";
import { codexOwnTurns } from "./own-turns.ts";
import { createSharedServer } from "./shared.ts";

export interface CodexParts {
  engine: Engine;
  transports: Transports;
  paths: HomePaths;
  token: string;
  humanName: string;
  files: FileReports;
}

/** What works through the control socket alone (0.169.0), with nothing installed. */
const CAN = [
  "gets messages through Codex's own queue",
  "answers with the last message of its turn",
  "is seen idle, busy, waiting, and its approvals can be decided from here",
] as const;
const DISCOVER_WITHIN_MS = 5_000;
const TICK_MS = 1_000;
const LOOK_FOR_HOME_MS = 5_000;
/** A folder is followed when Codex itself calls from there; one person has few. */
const HOMES_MAX = 16;

/** Everything that the daemon knows about Codex: the servers of the CODEX_HOMEs that were met, and the sessions behind them. */
export function createCodexAdapter(parts: CodexParts): RuntimeAdapter & { readonly shared: SharedServer } {
  const { engine } = parts;
  const homes = new Map<string, CodexHome>();
  const marks = [scopedToken(parts.token, CODEX_MCP_SCOPE), join(parts.paths.bin, "repowire-hook")];
  let ticking: ReturnType<typeof setInterval> | undefined;
  let lookedForHomeAt = 0;

  function homeAt(codexHome: string): CodexHome {
    const known = homes.get(codexHome);
    if (known) return known;
    if (homes.size >= HOMES_MAX)
      throw new RepowireError("too_many_links", `${homes.size} Codex homes are followed, the most there may be.`);
    const home = createCodexHome({
      path: codexHome,
      engine,
      transports: parts.transports,
      humanName: parts.humanName,
      files: parts.files,
    });
    homes.set(codexHome, home);
    if (ticking) home.start();
    return home;
  }

  /**
   * The user's usual CODEX_HOME is followed from the start where it was set up for this very daemon; others are met when they call.
   * One that was set up for another daemon (of another home, a test's) is left alone.
   */
  function lookForUsualHome(): void {
    if (Date.now() - lookedForHomeAt < LOOK_FOR_HOME_MS) return;
    lookedForHomeAt = Date.now();
    const usual = realPath(process.env.CODEX_HOME || join(process.env.HOME || homedir(), ".codex"));
    if (!homes.has(usual) && isSetUp(usual)) homeAt(usual);
  }

  function isSetUp(codexHome: string): boolean {
    return ["config.toml", "hooks.json"].some((name) => {
      try {
        const text = readFileSync(join(codexHome, name), "utf8");
        return marks.some((mark) => text.includes(mark));
      } catch {
        // No such file: Codex is not set up here, or not at all.
        return false;
      }
    });
  }

  const sessions = () => [...homes.values()].flatMap((home) => home.sessions());

  function isUnsettled(peer: PeerId): boolean {
    return engine.read(
      (ctx) =>
        ctx.tx.deliveries.count(peer, ["leased", "presented", "held"]) > 0 || ctx.tx.asks.openTo(peer).length > 0,
    );
  }

  const soon = createSoonLooker({
    look: (peer) =>
      sessions()
        .find((session) => session.peer === peer)
        ?.look(),
    isUnsettled,
  });

  const hooks = createHookHandler({ engine, homeAt });

  return {
    runtime: "codex",
    shared: createSharedServer(homeAt),
    // The link of an embedded session carries its tools; messages go by Codex's own queue.
    linkProfile: () => undefined,
    attach() {},
    watch: soon.watch,
    mayBeSubagent: () => false,
    onVerdict(verdict) {
      for (const home of homes.values()) home.onVerdict(verdict);
    },
    onHook: (report) => hooks.report(report),
    onHookPrinted: hooks.printed,
    async start() {
      ticking = setInterval(() => {
        for (const home of homes.values()) home.tick(isUnsettled);
        lookForUsualHome();
      }, TICK_MS);
      lookForUsualHome();
      for (const peer of engine.read((ctx) => ctx.tx.peers.all()))
        if (peer.runtime === "codex" && peer.config_dir) homeAt(peer.config_dir);
      for (const home of homes.values()) home.start();
    },
    async stop() {
      clearInterval(ticking);
      for (const home of homes.values()) await home.stop();
    },
    async discover(places) {
      const codexHome = realPath(places.CODEX_HOME || join(places.HOME || homedir(), ".codex"));
      const discovery: Discovery = { found: [], unreachable: [] };
      if (!existsSync(controlSocket(codexHome))) return discovery;
      const before = new Set(sessions().map((session) => session.peer));
      const home = homeAt(codexHome);
      await home.settled(DISCOVER_WITHIN_MS);
      for (const { peer } of home.sessions()) discovery.found.push({ peer, isNew: !before.has(peer), can: CAN });
      return discovery;
    },
    ownTurns: async (peer) => codexOwnTurns(sessions().find((session) => session.peer === peer.id)?.rollout),
    health() {
      const up = [...homes.values()].filter((home) => home.isUp).length;
      return { ok: true, detail: `${up} of ${homes.size} Codex servers up, ${sessions().length} sessions followed` };
    },
  };
}
