import type { Hono } from "hono";
import type { Engine, PeerRecord } from "../core/index.ts";
import type { HomePaths } from "../platform/paths.ts";
import type { Hello } from "../protocol/index.ts";
import type { RequestEnv } from "./app.ts";
import type { Callers } from "./callers.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { PartCheck } from "./health.ts";
import type { LinkProfile } from "./links.ts";

/** What the daemon asks of the runtimes it serves; each runtime's own knowledge stays in its adapter. */
export interface Runtimes {
  mayBeSubagent(peer: PeerRecord, toolUseId: string | undefined): boolean;
  linkProfile(hello: Hello): LinkProfile | undefined;
  onSession(peer: PeerRecord): void;
  extend(app: Hono<RequestEnv>): void;
  checks: Record<string, PartCheck>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createRuntimes(_parts: {
  engine: Engine;
  dispatcher: Dispatcher;
  callers: Callers;
  paths: HomePaths;
  humanName: string;
}): Runtimes {
  return {
    mayBeSubagent: () => false,
    linkProfile: (hello) => ({
      rung: hello.session.runtime === "claude-code" ? "channel" : "push",
      serves: { idle: 1, busy: 2 },
      needsProof: hello.session.runtime === "claude-code",
    }),
    onSession: () => {},
    extend: () => {},
    checks: {},
    start: async () => {},
    stop: async () => {},
  };
}
