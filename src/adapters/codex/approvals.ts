import { type Engine, humanSeat, mustGet, type PermissionRequest, requestApproval } from "../../core/index.ts";
import { logger } from "../../platform/log.ts";
import type { PeerId } from "../../protocol/index.ts";
import type { Verdict } from "../adapter.ts";
import type { ControlClient } from "./control.ts";
import { ApprovalParams, Nothing } from "./wire.ts";

const log = logger("codex");

/** What a hook said about the dialog that is about to open: the only place that shows the patch of a file change (0.169.0). */
export interface HookedRequest {
  tool: string;
  description?: string;
  preview: string;
}

/**
 * Verdicts from outside. The TUI's dialog stays usable all the time: this subscribes only while a dialog is open, answers a request
 * once, only with a person's verdict, and only one that came on this very connection while the thread still waits.
 */
export interface Approvals {
  /** The thread waits for an approval: fetch the request that is pending. */
  fetch(thread: string, peer: PeerId): Promise<void>;
  /** The server's request arrived. */
  onRequest(id: number | string, method: string, params: unknown): void;
  /** The thread waits no more, or the connection is gone. */
  drop(thread: string): void;
  dropAll(): void;
  onVerdict(verdict: Verdict, isStillWaiting: (thread: string) => boolean): void;
  noteHook(thread: string, request: HookedRequest): void;
}

interface Pending {
  id: number | string;
  method: string;
  thread: string;
  approval: string;
}

const DECISIONS = new Set(["item/commandExecution/requestApproval", "item/fileChange/requestApproval"]);
const ELICITATION = "mcpServer/elicitation/request";
const PREVIEW_CHARS_MAX = 10_000;

export function createApprovals(parts: { engine: Engine; control: ControlClient; humanName: string }): Approvals {
  const { engine, control } = parts;
  const subscribed = new Map<string, PeerId>();
  const pending: Pending[] = [];
  const hooked = new Map<string, HookedRequest>();
  let serial = 0;

  async function fetch(thread: string, peer: PeerId): Promise<void> {
    if (subscribed.has(thread)) return;
    subscribed.set(thread, peer);
    try {
      await control.call("thread/resume", { threadId: thread, excludeTurns: true }, Nothing);
    } catch (error) {
      subscribed.delete(thread);
      throw error;
    }
  }

  function onRequest(id: number | string, method: string, params: unknown): void {
    const parsed = ApprovalParams.safeParse(params);
    const peer = parsed.success ? subscribed.get(parsed.data.threadId) : undefined;
    if (!parsed.success || !peer || pending.some((known) => known.id === id)) return;
    const request = describe(method, parsed.data, `${parsed.data.threadId}:${id}:${++serial}`);
    if (!request) return;
    engine
      .run((ctx) => requestApproval(ctx, mustGet(ctx, peer), humanSeat(ctx, parts.humanName), request))
      .then((approval) => {
        // Decided in the terminal before it could be stored.
        if (!subscribed.has(parsed.data.threadId)) return;
        pending.push({ id, method, thread: parsed.data.threadId, approval: approval.handle });
      })
      .catch((error) => log.error("a permission request was not relayed", { error }));
  }

  function describe(method: string, params: ApprovalParams, request: string): PermissionRequest | undefined {
    const known = hooked.get(params.threadId);
    const description = (params.reason ?? known?.description)?.slice(0, 500);
    if (method === "item/commandExecution/requestApproval")
      return { via: "link", request, tool: "shell", description, preview: cut(params.command ?? known?.preview ?? "") };
    if (method === "item/fileChange/requestApproval")
      return { via: "link", request, tool: "apply_patch", description, preview: cut(known?.preview ?? "") };
    if (method === ELICITATION && params._meta?.codex_approval_kind === "mcp_tool_call") {
      const tool = params._meta.tool_name ?? "an MCP tool";
      const given = JSON.stringify(params._meta.tool_params ?? {}, null, 2);
      return { via: "link", request, tool, description: params.message?.slice(0, 500), preview: cut(given) };
    }
    return undefined;
  }

  function drop(thread: string): void {
    hooked.delete(thread);
    for (let at = pending.length - 1; at >= 0; at--) if (pending[at]?.thread === thread) pending.splice(at, 1);
    if (!subscribed.delete(thread)) return;
    control
      .call("thread/unsubscribe", { threadId: thread }, Nothing)
      .catch((error) => log.debug("a thread could not be left", { error }));
  }

  return {
    fetch,
    onRequest,
    drop,
    dropAll() {
      subscribed.clear();
      hooked.clear();
      pending.length = 0;
    },
    onVerdict({ approval, verdict }, isStillWaiting) {
      const at = pending.findIndex((known) => known.approval === approval.handle);
      const [request] = at < 0 ? [] : pending.splice(at, 1);
      if (!request || verdict === "withdrawn" || !isStillWaiting(request.thread)) return;
      const allow = verdict === "allow";
      // `cancel` would interrupt the turn and hold the queue: a remote "no" is a decline.
      if (DECISIONS.has(request.method)) control.answer(request.id, { decision: allow ? "accept" : "decline" });
      else control.answer(request.id, allow ? { action: "accept", content: {} } : { action: "decline" });
    },
    noteHook: (thread, request) => void hooked.set(thread, request),
  };
}

const cut = (text: string): string => (text.length > PREVIEW_CHARS_MAX ? `${text.slice(0, PREVIEW_CHARS_MAX)}…` : text);
