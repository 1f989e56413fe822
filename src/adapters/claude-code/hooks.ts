import {
  type ApprovalRecord,
  type Context,
  changeConversation,
  type Engine,
  endTurn,
  humanSeat,
  leaseForHook,
  noteActivity,
  noteTurnInput,
  type PeerRecord,
  requestApproval,
  settleHookLease,
  type TurnEnd,
  type TurnInput,
  withdrawApprovals,
} from "../../core/index.ts";
import { newSecret } from "../../platform/ids.ts";
import { logger } from "../../platform/log.ts";
import { instanceOf } from "../../platform/process.ts";
import {
  ClaudeHookEvent,
  fromZod,
  type HookReply,
  type HookReport,
  RepowireError,
  sameInstance,
} from "../../protocol/index.ts";
import { CLAUDE_TOOLS, channelFrame, parseChannelFrame, parseInboxFrame, reminderText } from "../../words/index.ts";
import type { FileReports } from "../files.ts";
import { claimSeatAnew, isReplay, meshLine, sessionStartOf } from "../hook-session.ts";
import { HookInput } from "./hook-input.ts";
import type { PermissionWaits } from "./permission-waits.ts";
import type { ClaudeSession } from "./session.ts";

const log = logger("hooks");

export interface HookParts {
  engine: Engine;
  humanName: string;
  attach(peer: PeerRecord): ClaudeSession | undefined;
  permissionWaits: PermissionWaits;
  files: FileReports;
}

/** Hook contexts are cut at about 10,000 characters (Claude Code 2.1.330); what one hook carries stays well below. */
const CONTEXT_BYTES_MAX = 8_500;
/** After a failed turn the error's entry may come up to a second later. */
const ERROR_ENTRY_WAIT_MS = 1_500;
/** A hook that waits for a verdict comes back this often, so that a lost connection is noticed. */
const VERDICT_WAIT_MS = 25_000;

/** What each hook event of a session says and what its CLI is told in return. */
export function createHookHandler(parts: HookParts) {
  const { engine } = parts;

  async function report(given: HookReport, signal: AbortSignal): Promise<HookReply> {
    const known = ClaudeHookEvent.safeParse(given.event);
    if (!known.success)
      throw new RepowireError(
        "invalid_input",
        `Claude Code has no hook event "${given.event}" that repowire knows. Run \`repowire setup\` again.`,
      );
    const parsed = HookInput.safeParse(given.input);
    if (!parsed.success) throw fromZod(parsed.error, `the input of the hook ${given.event}`);
    const input = parsed.data;
    const peer = await seatOf(given, input);
    const session = parts.attach(peer);
    if (input.transcript_path && !input.agent_id) session?.useTranscript(input.transcript_path);
    const event = { given, input, peer, session, signal };
    const kind = known.data;
    switch (kind) {
      case "SessionStart":
        return sessionStart(event);
      case "UserPromptSubmit":
        return promptSubmit(event);
      case "PreToolUse":
        return beforeWrite(event);
      case "PostToolUse":
        return input.agent_id ? {} : betweenTools(event);
      case "PermissionRequest":
        return permissionRequest(event);
      case "Stop":
        return stop(event);
      case "StopFailure":
        return stopFailure(event);
      case "SessionEnd":
        return {};
      default:
        return kind satisfies never;
    }
  }

  interface HookEvent {
    given: HookReport;
    input: HookInput;
    peer: PeerRecord;
    session: ClaudeSession | undefined;
    signal: AbortSignal;
  }

  /** The session's seat; a hook may be the first to tell of a session. */
  async function seatOf(given: HookReport, input: HookInput): Promise<PeerRecord> {
    const instance = instanceOf(given.pid);
    const known = engine.read((ctx) =>
      ctx.tx.peers.all().find((peer) => sameInstance(peer.instance, instance) && peer.presence.state !== "offline"),
    );
    // A spooled report may be about a process that has ended since.
    if (!instance && !known) throw new RepowireError("not_found", "The session that this hook reports on has ended.");
    return engine.run((ctx) => {
      const seat =
        known ?? claimSeatAnew(ctx, sessionStartOf("claude-code", given, input.cwd, input.session_id, instance));
      const latest = ctx.tx.peers.get(seat.id) ?? seat;
      const mode = input.permission_mode ?? latest.permission_mode;
      const capabilities = latest.capabilities.includes("hooks")
        ? latest.capabilities
        : [...latest.capabilities, "hooks" as const, "relay_permissions" as const];
      const next: PeerRecord = {
        ...latest,
        permission_mode: mode,
        capabilities: [...new Set(capabilities)],
        config_dir: latest.config_dir ?? given.config_dir,
        transcript: input.agent_id ? latest.transcript : (input.transcript_path ?? latest.transcript),
      };
      if (JSON.stringify(next) !== JSON.stringify(latest)) ctx.tx.peers.put(next);
      if (mode !== latest.permission_mode) ctx.stirred.add(seat.id);
      ctx.live.setGivesReceipts(ctx.tx, seat.id, true);
      if (!input.agent_id && given.event !== "SessionEnd") changeConversation(ctx, seat.id, input.session_id, "change");
      return ctx.tx.peers.get(seat.id) ?? next;
    });
  }

  async function sessionStart({ given, input, peer }: HookEvent): Promise<HookReply> {
    const line = await engine.run((ctx) => {
      if (input.source === "compact") changeConversation(ctx, peer.id, input.session_id, "compact", given.spooled_at);
      return meshLine(ctx, peer);
    });
    return context("SessionStart", line);
  }

  async function promptSubmit({ given, input, peer, session }: HookEvent): Promise<HookReply> {
    const lease = newSecret();
    const frames = await engine.run((ctx) => {
      noteActivity(ctx, peer.id, "busy");
      noteInput(ctx, peer, input.prompt ?? "", given.spooled_at);
      if (isReplay(given)) return [];
      const latest = ctx.tx.peers.get(peer.id) ?? peer;
      return leaseForHook(ctx, latest, "prompt", `hook:${lease}`, CONTEXT_BYTES_MAX).map((envelope) =>
        channelFrame(envelope),
      );
    });
    void session?.catchUp().catch((error) => log.error("a transcript was not followed", { error }));
    return frames.length > 0 ? { ...context("UserPromptSubmit", frames.join("\n")), lease } : {};
  }

  /**
   * A prompt that is one frame of ours, whole and outermost, and was pushed to this very session, is on its way to the model. The
   * hook does not say who typed it; what proves reading is the transcript.
   */
  function noteInput(ctx: Context, peer: PeerRecord, prompt: string, at?: number): void {
    const frame = parseChannelFrame(prompt) ?? parseInboxFrame(prompt);
    const delivery = frame && ctx.tx.deliveries.byHandle(frame.handle);
    const isPushed =
      delivery?.peer === peer.id &&
      (delivery.state === "leased" || delivery.state === "presented" || delivery.state === "held");
    if (delivery && isPushed)
      return noteTurnInput(ctx, peer.id, { type: "delivery", message: delivery.message }, "prompt hook", at);
    const isOther = frame !== undefined || prompt.startsWith("<task-notification>");
    noteTurnInput(ctx, peer.id, { type: isOther ? "other" : "user" }, "prompt hook", at);
  }

  /** The tool call waits for this: nothing is read or asked here that takes time. */
  async function beforeWrite({ given, input, peer }: HookEvent): Promise<HookReply> {
    const file = input.tool_input?.file_path ?? input.tool_input?.notebook_path;
    if (typeof file !== "string") return {};
    const at = given.spooled_at;
    const isWarned = await parts.files.used(peer.id, { writes: [file], reads: [], cwd: input.cwd, at });
    // A subagent's context is not the conversation that mail is for.
    if (!isWarned || isReplay(given) || input.agent_id) return {};
    const lease = newSecret();
    const frames = await engine.run((ctx) => {
      const latest = ctx.tx.peers.get(peer.id) ?? peer;
      return leaseForHook(ctx, latest, "before_write", `hook:${lease}`, CONTEXT_BYTES_MAX).map((envelope) =>
        channelFrame(envelope),
      );
    });
    return frames.length > 0 ? { ...context("PreToolUse", frames.join("\n")), lease } : {};
  }

  async function betweenTools({ given, peer, session }: HookEvent): Promise<HookReply> {
    await session?.catchUp();
    const lease = newSecret();
    const frames = await engine.run((ctx) => {
      withdrawApprovals(ctx, peer.id, "decided in the session's own terminal");
      if (isReplay(given)) return [];
      return leaseForHook(ctx, peer, "between_tools", `hook:${lease}`, CONTEXT_BYTES_MAX).map((envelope) =>
        channelFrame(envelope),
      );
    });
    return frames.length > 0 ? { ...context("PostToolUse", frames.join("\n")), lease } : {};
  }

  async function permissionRequest({ given, input, peer, signal }: HookEvent): Promise<HookReply> {
    const tool = input.tool_name ?? "a tool";
    // A question with options is not a yes or no: it is shown as waiting, and answered where it stands.
    if (tool === "AskUserQuestion") {
      await engine.run((ctx) => noteActivity(ctx, peer.id, "waiting", "a question"));
      return {};
    }
    const approval = await engine.run((ctx) => {
      const asked = given.approval === undefined ? undefined : ctx.tx.approvals.byHandle(given.approval);
      if (asked?.peer === peer.id) return asked;
      noteActivity(ctx, peer.id, "waiting", tool);
      return requestApproval(ctx, ctx.tx.peers.get(peer.id) ?? peer, humanSeat(ctx, parts.humanName), {
        via: "hook",
        request: String(given.hook_pid),
        tool,
        description: describeTool(input),
        preview: previewOf(input),
      });
    });
    if (approval.state !== "pending") return verdictReply(approval.state, approval.detail);
    const timeout = AbortSignal.timeout(VERDICT_WAIT_MS);
    const verdict = await parts.permissionWaits.wait(approval.handle, AbortSignal.any([signal, timeout]));
    if (verdict) return verdictReply(verdict.approval.state, verdict.reason);
    return signal.aborted ? {} : { approval: approval.handle };
  }

  /** Only a person's verdict is passed on; a void request leaves the dialog to its terminal. */
  function verdictReply(state: ApprovalRecord["state"], reason: string | undefined): HookReply {
    if (state !== "allowed" && state !== "denied") return {};
    const decision =
      state === "allowed"
        ? { behavior: "allow" }
        : { behavior: "deny", message: reason ?? "Denied by a person through repowire." };
    return { output: { hookSpecificOutput: { hookEventName: "PermissionRequest", decision } } };
  }

  async function stop({ given, input, peer, session }: HookEvent): Promise<HookReply> {
    const inputs = await turnInputs(input, peer, session);
    const lease = newSecret();
    const result = await engine.run((ctx) => {
      withdrawApprovals(ctx, peer.id, "the turn ended");
      const remind = endTurn(ctx, peer.id, {
        outcome: "done",
        text: input.last_assistant_message,
        inputs,
        wasContinued: input.stop_hook_active ?? false,
        canRemind: !isReplay(given),
        at: given.spooled_at,
      });
      if (remind)
        return {
          texts: [reminderText(remind.handle, ctx.tx.peers.get(remind.asker)?.name ?? "a peer", CLAUDE_TOOLS.reply)],
          isLeased: false,
        };
      if (isReplay(given)) return { texts: [], isLeased: false };
      const latest = ctx.tx.peers.get(peer.id) ?? peer;
      const texts = leaseForHook(ctx, latest, "turn_end", `hook:${lease}`, CONTEXT_BYTES_MAX).map((envelope) =>
        channelFrame(envelope),
      );
      if (texts.length > 0) noteActivity(ctx, peer.id, "busy");
      return { texts, isLeased: texts.length > 0 };
    });
    if (result.texts.length === 0) return {};
    const text = result.texts.join("\n");
    return { output: goOn(text, session?.version), ...(result.isLeased ? { lease } : {}) };
  }

  /**
   * What the transcript says went into this turn. Only worth waiting for when a question is to be judged by it; stale inputs, of the
   * turn before, are worth nothing.
   */
  async function turnInputs(
    input: HookInput,
    peer: PeerRecord,
    session: ClaudeSession | undefined,
  ): Promise<TurnInput[] | undefined> {
    const asked = engine.read((ctx) =>
      (ctx.tx.peers.get(peer.id)?.turn?.inputs ?? []).flatMap((entry) =>
        entry.type === "delivery" && ctx.tx.asks.get(entry.message)?.state === "open" ? [entry.message] : [],
      ),
    );
    if (!session || asked.length === 0) return undefined;
    return (await session.awaitTurnEnd(asked, input.last_assistant_message ?? "")) ? session.turnInputs() : undefined;
  }

  async function stopFailure({ given, input, peer, session }: HookEvent): Promise<HookReply> {
    void judgeFailure(input, peer, session, given.spooled_at).catch((error) =>
      log.error("a failed turn was not judged", { error }),
    );
    return {};
  }

  async function judgeFailure(
    input: HookInput,
    peer: PeerRecord,
    session: ClaudeSession | undefined,
    at: number | undefined,
  ): Promise<void> {
    const isRate = input.error === "rate_limit";
    const deadline = Date.now() + (isRate ? ERROR_ENTRY_WAIT_MS : 0);
    await session?.catchUp();
    while (isRate && session?.lastLimit() === undefined && Date.now() < deadline) {
      await Bun.sleep(100);
      await session?.catchUp();
    }
    const limit = session?.lastLimit();
    const end: TurnEnd = {
      outcome: isRate ? "limited" : "model_error",
      error: limit?.text || input.last_assistant_message || input.error || "unknown error",
      limitedUntil: limit?.until,
      inputs: session?.turnInputs(),
      wasContinued: false,
      canRemind: false,
      at,
    };
    await engine.run((ctx) => {
      withdrawApprovals(ctx, peer.id, "the turn failed");
      endTurn(ctx, peer.id, end);
    });
  }

  async function printed(pid: number, lease: string): Promise<void> {
    await engine.run((ctx) => {
      const instance = instanceOf(pid);
      const peer = ctx.tx.peers.all().find((candidate) => sameInstance(candidate.instance, instance));
      if (peer) settleHookLease(ctx, peer.id, `hook:${lease}`);
    });
  }

  return { report, printed };
}

function context(event: string, text: string): HookReply {
  return { output: { hookSpecificOutput: { hookEventName: event, additionalContext: text } } };
}

/** Makes the turn go on with this text. From 2.1.330 on quietly; before, `block` is what there is, which the TUI shows as feedback. */
function goOn(text: string, version: string | undefined): Record<string, unknown> {
  const isQuiet = version !== undefined && Bun.semver.order(version, "2.1.330") >= 0;
  return isQuiet
    ? { hookSpecificOutput: { hookEventName: "Stop", additionalContext: text } }
    : { decision: "block", reason: text };
}

function describeTool(input: HookInput): string | undefined {
  const described = input.tool_input?.description;
  return typeof described === "string" ? described.slice(0, 500) : undefined;
}

const PREVIEW_CHARS_MAX = 10_000;

function previewOf(input: HookInput): string {
  const command = input.tool_input?.command;
  const text = typeof command === "string" ? command : JSON.stringify(input.tool_input ?? {}, null, 2);
  return text.length > PREVIEW_CHARS_MAX ? `${text.slice(0, PREVIEW_CHARS_MAX)}…` : text;
}
