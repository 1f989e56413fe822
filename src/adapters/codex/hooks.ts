import {
  type Context,
  type Engine,
  endTurn,
  leaseForHook,
  noteActivity,
  othersOnline,
  type PeerRecord,
  settleHookLease,
} from "../../core/index.ts";
import { realPath } from "../../platform/checkout.ts";
import { newSecret } from "../../platform/ids.ts";
import { processArgs } from "../../platform/process.ts";
import { type HookReply, type HookReport, type PeerId, RepowireError } from "../../protocol/index.ts";
import { CODEX_TOOLS, channelFrame, reminderText, sessionStartLine } from "../../words/index.ts";
import type { CodexHome } from "./home.ts";
import { CodexHookEvent, HookInput, homeOfTranscript } from "./hook-input.ts";
import type { CodexSession } from "./session.ts";
import { isHeadless } from "./threads.ts";

/** A context of more than about 2,500 tokens is spilled to a file, which the model may not read (documented for 0.169.0). */
const CONTEXT_BYTES_MAX = 6_000;
/** A hook holds up its turn: a thread that is nobody's must not cost much. */
const OWNER_WAIT_MS = 1_000;
const PREVIEW_CHARS_MAX = 10_000;

export interface HookParts {
  engine: Engine;
  homeAt(codexHome: string): CodexHome;
}

/** What each hook event of a session says and what its CLI is told in return. Hooks only add here: state comes from the socket. */
export function createHookHandler(parts: HookParts) {
  const { engine } = parts;

  async function report(given: HookReport): Promise<HookReply> {
    const known = CodexHookEvent.safeParse(given.event);
    if (!known.success)
      throw new RepowireError(
        "invalid_input",
        `Codex has no hook event "${given.event}" that repowire knows. Run \`repowire setup\` again.`,
      );
    const input = HookInput.parse(given.input);
    const codexHome = homeOfTranscript(input.transcript_path);
    if (!codexHome || (isHeadless(processArgs(given.pid)) && !given.opted_in)) return {};
    const owner = await parts.homeAt(realPath(codexHome)).sessionOf(input.session_id, OWNER_WAIT_MS);
    // A fork or helper that runs hooks under an id of its own is nobody's session.
    if (!owner || owner.isSubagent) return {};
    const peer = await notePeer(owner.session.peer, input);
    if (!peer) return {};
    return handle(known.data, input, peer, owner.session, codexHome);
  }

  async function handle(
    event: CodexHookEvent,
    input: HookInput,
    peer: PeerRecord,
    session: CodexSession,
    codexHome: string,
  ): Promise<HookReply> {
    switch (event) {
      case "SessionStart":
        return context("SessionStart", await engine.run((ctx) => describeMesh(ctx, peer)));
      case "UserPromptSubmit":
        return promptSubmit(peer);
      case "PermissionRequest":
        // Never waited in: while this hook runs, the TUI shows no dialog.
        parts.homeAt(realPath(codexHome)).approvals.noteHook(session.thread, {
          tool: input.tool_name ?? "a tool",
          description: typeof input.tool_input?.description === "string" ? input.tool_input.description : undefined,
          preview: previewOf(input),
        });
        parts.homeAt(realPath(codexHome)).embedded.noteDialog(session.thread);
        return {};
      case "Stop":
        return stop(input, peer, session);
      case "Interrupt":
        void session.look().catch(() => {
          // The regular look comes within a second.
        });
        return {};
      case "SessionEnd":
        return {};
      default:
        return event satisfies never;
    }
  }

  /** What only hooks know: that there are hooks, and in which mode the session runs. */
  async function notePeer(id: PeerId, input: HookInput): Promise<PeerRecord | undefined> {
    return engine.run((ctx) => {
      const peer = ctx.tx.peers.get(id);
      if (!peer) return undefined;
      const mode = input.permission_mode ?? peer.permission_mode;
      if (peer.capabilities.includes("hooks") && mode === peer.permission_mode) return peer;
      const capabilities = [...new Set([...peer.capabilities, "hooks" as const])];
      ctx.tx.peers.put({ ...peer, capabilities, permission_mode: mode });
      if (mode !== peer.permission_mode) ctx.stirred.add(id);
      return ctx.tx.peers.get(id);
    });
  }

  async function promptSubmit(peer: PeerRecord): Promise<HookReply> {
    const lease = newSecret();
    const frames = await engine.run((ctx) =>
      leaseForHook(ctx, ctx.tx.peers.get(peer.id) ?? peer, "prompt", `hook:${lease}`, CONTEXT_BYTES_MAX).map(
        (envelope) => channelFrame(envelope, CODEX_TOOLS),
      ),
    );
    return frames.length > 0 ? { ...context("UserPromptSubmit", frames.join("\n")), lease } : {};
  }

  /**
   * The end of a turn that is the user's: its last words are not taken as an answer, so a question that is in the conversation and
   * still open is named once. Turns that only our messages began are judged when they are over, by what Codex lists.
   */
  async function stop(input: HookInput, peer: PeerRecord, session: CodexSession): Promise<HookReply> {
    const view = await session.runningTurn();
    if (!view || (input.turn_id && view.id !== input.turn_id) || !view.hasOthers) return {};
    const text = await engine.run((ctx) => {
      session.takeTurn(ctx, view);
      const remind = endTurn(ctx, peer.id, {
        outcome: "done",
        inputs: session.inputsOf(view),
        wasContinued: input.stop_hook_active === true,
        canRemind: true,
      });
      if (!remind) return undefined;
      noteActivity(ctx, peer.id, "busy");
      return reminderText(remind.handle, ctx.tx.peers.get(remind.asker)?.name ?? "a peer", CODEX_TOOLS.reply);
    });
    return text === undefined ? {} : { output: { decision: "block", reason: text } };
  }

  /** A hook's output was written: it is looked for among the sessions whose hooks may have carried it. */
  async function printed(_pid: number, lease: string): Promise<void> {
    await engine.run((ctx) => {
      for (const peer of ctx.tx.peers.all())
        if (peer.runtime === "codex") settleHookLease(ctx, peer.id, `hook:${lease}`);
    });
  }

  return { report, printed };
}

function describeMesh(ctx: Context, peer: PeerRecord): string {
  const others = othersOnline(ctx, peer);
  const open = ctx.tx.asks
    .openTo(peer.id)
    .map((ask) => ({ handle: ask.handle, from: ctx.tx.peers.get(ask.asker)?.name ?? "?" }));
  return sessionStartLine({
    name: peer.name,
    circle: peer.circle,
    online: others.map((other) => ({ name: other.name, runtime: other.runtime, description: other.description })),
    total: others.length,
    open,
    unread: ctx.tx.deliveries.count(peer.id, ["queued", "held"]),
  });
}

function context(event: string, text: string): HookReply {
  return { output: { hookSpecificOutput: { hookEventName: event, additionalContext: text } } };
}

function previewOf(input: HookInput): string {
  const command = input.tool_input?.command;
  const text = typeof command === "string" ? command : JSON.stringify(input.tool_input ?? {}, null, 2);
  return text.length > PREVIEW_CHARS_MAX ? `${text.slice(0, PREVIEW_CHARS_MAX)}…` : text;
}
