import type { Hono } from "hono";
import type { Discovery, RuntimeAdapter, SharedServer, Verdict } from "../adapters/adapter.ts";
import { createClaudeCodeAdapter } from "../adapters/claude-code/adapter.ts";
import { createClaudeInbox } from "../adapters/claude-inbox/inbox.ts";
import { createCodexAdapter } from "../adapters/codex/adapter.ts";
import type { FileReports } from "../adapters/files.ts";
import { createGeminiAdapter } from "../adapters/gemini/adapter.ts";
import { createOpenCodeAdapter } from "../adapters/opencode/adapter.ts";
import type { Engine, PeerRecord } from "../core/index.ts";
import { logger } from "../platform/log.ts";
import type { HomePaths } from "../platform/paths.ts";
import type { ProcessInfo } from "../platform/process.ts";
import {
  fromZod,
  type Hello,
  HookPrinted,
  HookReport,
  HTTP_PATHS,
  type Places,
  RepowireError,
} from "../protocol/index.ts";
import { type RequestEnv, readJson } from "./app.ts";
import type { Callers } from "./callers.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { PartCheck } from "./health.ts";
import { checkOutermost } from "./session-check.ts";
import { createSpoolReader } from "./spool.ts";

/** The table of runtimes: one row each. What the daemon asks of any of them is dispatched here. */
export interface Runtimes {
  adapterOf(peer: Pick<PeerRecord, "runtime">): RuntimeAdapter | undefined;
  mayBeSubagent(peer: PeerRecord, toolUseId: string | undefined): boolean;
  linkProfile(hello: Hello): ReturnType<RuntimeAdapter["linkProfile"]>;
  onSession(peer: PeerRecord): void;
  /** The runtime whose process this is, where it carries several sessions. */
  sharedBy(process: ProcessInfo): SharedServer | undefined;
  discover(places: Places): Promise<Discovery>;
  extend(app: Hono<RequestEnv>): void;
  checks: Record<string, PartCheck>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface RuntimesParts {
  engine: Engine;
  dispatcher: Dispatcher;
  callers: Callers;
  paths: HomePaths;
  token: string;
  humanName: string;
  files: FileReports;
}

const log = logger("runtimes");

export function createRuntimes(parts: RuntimesParts): Runtimes {
  const { engine, dispatcher, paths } = parts;
  const inbox = createClaudeInbox({ engine, transports: dispatcher, folder: paths.run, secret: parts.token });
  const claudeCode = createClaudeCodeAdapter({ engine, inbox, paths, humanName: parts.humanName, files: parts.files });
  const codex = createCodexAdapter({
    engine,
    transports: dispatcher,
    paths,
    token: parts.token,
    humanName: parts.humanName,
    files: parts.files,
  });
  const gemini = createGeminiAdapter({ engine, transports: dispatcher, files: parts.files });
  const adapters: RuntimeAdapter[] = [
    claudeCode,
    createOpenCodeAdapter({ engine, transports: dispatcher }),
    codex,
    gemini,
  ];
  const spool = createSpoolReader(paths, (runtime, report) =>
    hookAdapter(runtime).onHook(report, AbortSignal.timeout(1_000)),
  );

  const adapterOf = (peer: Pick<PeerRecord, "runtime">) => adapters.find((adapter) => adapter.runtime === peer.runtime);

  function hookAdapter(runtime: string | undefined): RuntimeAdapter {
    const adapter = adapters.find((candidate) => candidate.runtime === runtime);
    if (!adapter)
      throw new RepowireError(
        "not_found",
        `This daemon knows no hooks of "${runtime ?? ""}". Run \`repowire setup\` again.`,
      );
    return adapter;
  }

  dispatcher.onVerdict((verdict: Verdict) => {
    const peer = engine.read((ctx) => ctx.tx.peers.get(verdict.approval.peer));
    if (peer) adapterOf(peer)?.onVerdict(verdict);
  });
  dispatcher.onWatch((id) => {
    const peer = engine.read((ctx) => ctx.tx.peers.get(id));
    if (peer) adapterOf(peer)?.watch(id);
  });

  /** A hook may report on its own session only: the agent's process must be among the ancestors of the process behind the connection. */
  function checkHook(chain: ProcessInfo[] | undefined, pid: number): void {
    if (!chain?.some((info) => info.pid === pid)) {
      throw new RepowireError(
        "unauthorized",
        `A hook may only report on the session that started it; process ${pid} did not.`,
      );
    }
    checkOutermost(engine, chain, pid);
  }

  return {
    adapterOf,
    mayBeSubagent: (peer, toolUseId) => adapterOf(peer)?.mayBeSubagent(peer, toolUseId) ?? false,
    linkProfile(hello) {
      const adapter = adapterOf({ runtime: hello.session.runtime });
      return adapter ? adapter.linkProfile(hello) : { rung: "push", serves: { idle: 1, busy: 1 }, needsProof: false };
    },
    onSession: (peer) => adapterOf(peer)?.attach(peer),
    sharedBy: (process) => adapters.find((adapter) => adapter.shared?.isShared(process))?.shared,
    async discover(places) {
      const all: Discovery = { found: [], unreachable: [] };
      for (const adapter of adapters) {
        const found = await adapter.discover?.(places);
        all.found.push(...(found?.found ?? []));
        all.unreachable.push(...(found?.unreachable ?? []));
      }
      return all;
    },
    extend(app) {
      app.post(HTTP_PATHS.hookReport(":runtime"), async (context) => {
        const adapter = hookAdapter(context.req.param("runtime"));
        const parsed = HookReport.safeParse(await readJson(context.req.raw));
        if (!parsed.success) throw fromZod(parsed.error, "a hook report");
        checkHook(parts.callers.process(context.req.raw, context.env.connection), parsed.data.pid);
        context.env.keepOpen();
        return context.json(await adapter.onHook(parsed.data, context.req.raw.signal));
      });
      app.post(HTTP_PATHS.hookPrinted(":runtime"), async (context) => {
        const adapter = hookAdapter(context.req.param("runtime"));
        const parsed = HookPrinted.safeParse(await readJson(context.req.raw));
        if (!parsed.success) throw fromZod(parsed.error, "a hook report");
        checkHook(parts.callers.process(context.req.raw, context.env.connection), parsed.data.pid);
        await adapter.onHookPrinted(parsed.data.pid, parsed.data.lease);
        return context.json({});
      });
    },
    checks: {
      "claude-code": () => claudeCode.health(),
      codex: () => codex.health(),
      gemini: () => gemini.health(),
      "claude-inbox": () => ({ ok: true, detail: `${inbox.size} reply addresses` }),
    },
    async start() {
      await inbox.start();
      for (const adapter of adapters) await adapter.start();
      await spool.drain().catch((error) => log.error("spooled hook reports could not be read", { error }));
    },
    async stop() {
      for (const adapter of adapters) await adapter.stop();
      inbox.stop();
    },
  };
}
