import {
  type Context,
  changeConversation,
  claimSeat,
  type Engine,
  effectiveInbound,
  leaseForHook,
  leaseTo,
  makeEnvelope,
  noteActivity,
  noteTurnInput,
  type PeerRecord,
  present,
  settleHookLease,
} from "../../core/index.ts";
import { isYoloCommand } from "../../platform/gemini-command.ts";
import { newSecret } from "../../platform/ids.ts";
import { instanceOf, processArgs } from "../../platform/process.ts";
import {
  type Envelope,
  fromZod,
  GeminiHookEvent,
  type HookReply,
  type HookReport,
  type MessageId,
  RepowireError,
  sameInstance,
} from "../../protocol/index.ts";
import { cleanLine, GATE_TEXTS, geminiFrame, geminiNotice } from "../../words/index.ts";
import { isReplay, meshLine, sessionStartOf } from "../hook-session.ts";
import { type HandleState, judgePrompt } from "./gate.ts";
import { GeminiHookInput } from "./hook-input.ts";
import type { GeminiSession } from "./session.ts";

export interface GeminiHookParts {
  engine: Engine;
  attach(peer: PeerRecord): GeminiSession | undefined;
}

/** A hook's context of 46 kB arrived whole (Gemini CLI 0.61.0); what one hook carries stays well below. */
const CONTEXT_BYTES_MAX = 16_000;

/** What each hook event of a session says and what its CLI is told in return. */
export function createGeminiHooks(parts: GeminiHookParts) {
  const { engine } = parts;
  /** Messages that a BeforeAgent hook was given to print, by its lease. */
  const printing = new Map<string, MessageId>();
  /** Prompts of our own making that the CLI is about to report back. */
  const injected = new Map<PeerRecord["id"], string>();
  /** Sessions that were cleared: what a SessionStart hook says then does not reach the model (0.61.0), so the next prompt says it. */
  const unintroduced = new Set<PeerRecord["id"]>();

  async function report(given: HookReport): Promise<HookReply> {
    const known = GeminiHookEvent.safeParse(given.event);
    if (!known.success)
      throw new RepowireError(
        "invalid_input",
        `Gemini CLI has no hook event "${given.event}" that repowire knows. Run \`repowire setup\` again.`,
      );
    const parsed = GeminiHookInput.safeParse(given.input);
    if (!parsed.success) throw fromZod(parsed.error, `the input of the hook ${given.event}`);
    const input = parsed.data;
    const event = known.data;
    // It may come three times for one exit, and says nothing that the process does not.
    if (event === "SessionEnd") return {};
    const peer = await seatOf(given, input);
    const session = parts.attach(peer);
    if (!session) return {};
    session.hookRan(event, input.transcript_path, given.tmux);
    if (isReplay(given)) return replay(event, peer, session);
    switch (event) {
      case "SessionStart":
        return sessionStart(input, peer, session);
      case "BeforeAgent":
        return beforeAgent(input, peer, session);
      case "AfterAgent":
        return afterAgent(peer, session);
      case "Notification":
        return notification(input, session);
      default:
        return event satisfies never;
    }
  }

  /** What happened while the daemon was away; nothing can be handed over there any more, and the transcript knows the rest. */
  async function replay(event: GeminiHookEvent, peer: PeerRecord, session: GeminiSession): Promise<HookReply> {
    if (event === "AfterAgent") await session.turnEnded();
    else if (event === "BeforeAgent") await engine.run((ctx) => noteActivity(ctx, peer.id, "busy"));
    else if (event === "SessionStart") await engine.run((ctx) => noteActivity(ctx, peer.id, "idle"));
    return {};
  }

  async function seatOf(given: HookReport, input: GeminiHookInput): Promise<PeerRecord> {
    const instance = instanceOf(given.pid);
    const known = engine.read((ctx) =>
      ctx.tx.peers.all().find((peer) => sameInstance(peer.instance, instance) && peer.presence.state !== "offline"),
    );
    // A spooled report may be about a process that has ended since.
    if (!instance && !known) throw new RepowireError("not_found", "The session that this hook reports on has ended.");
    return engine.run((ctx) => {
      const seat = known ?? claimSeat(ctx, sessionStartOf("gemini", given, input.cwd, input.session_id, instance));
      changeConversation(ctx, seat.id, input.session_id, "change");
      const latest = ctx.tx.peers.get(seat.id) ?? seat;
      const next: PeerRecord = {
        ...latest,
        capabilities: [...new Set([...latest.capabilities, "hooks" as const])],
        config_dir: latest.config_dir ?? given.config_dir,
        transcript: input.transcript_path ?? latest.transcript,
        // Known before anything can reach it; what its user changes later, the composer's sign tells.
        permission_mode: latest.permission_mode ?? (isYoloCommand(processArgs(given.pid)) ? "yolo" : undefined),
      };
      if (JSON.stringify(next) !== JSON.stringify(latest)) ctx.tx.peers.put(next);
      ctx.live.setGivesReceipts(ctx.tx, seat.id, true);
      return next;
    });
  }

  async function sessionStart(input: GeminiHookInput, peer: PeerRecord, session: GeminiSession): Promise<HookReply> {
    const line = await engine.run((ctx) => {
      noteActivity(ctx, peer.id, "idle");
      return meshLine(ctx, peer);
    });
    // Its pane is looked for now, so that what waits can go.
    void session.tick().catch(() => {
      // Said where it is looked at regularly.
    });
    if (input.source === "clear") {
      unintroduced.add(peer.id);
      return {};
    }
    return context("SessionStart", line);
  }

  async function beforeAgent(input: GeminiHookInput, peer: PeerRecord, session: GeminiSession): Promise<HookReply> {
    const prompt = input.prompt ?? "";
    const ours = injected.get(peer.id);
    injected.delete(peer.id);
    await session.catchUp();
    const lease = newSecret();
    const taken = await engine.run((ctx) => {
      const latest = ctx.tx.peers.get(peer.id) ?? peer;
      // The rest of a turn's end: it was handed over there, and the transcript proves it.
      if (ours !== undefined && ours === prompt) {
        noteActivity(ctx, peer.id, "busy");
        return { frames: [], notices: [] };
      }
      const verdict = judgePrompt(prompt, (handle) => stateOf(ctx, latest, handle));
      if (verdict.type === "deny") return { deny: GATE_TEXTS[verdict.why](verdict.handle) };
      noteActivity(ctx, peer.id, "busy");
      const envelopes: [Envelope, "turn" | "reply"][] = [];
      if (verdict.type === "tag") {
        const envelope = takeTag(ctx, verdict.handle, session.routeId);
        printing.set(lease, envelope.message);
        session.taken(verdict.handle);
        envelopes.push([envelope, "turn"]);
      } else noteTurnInput(ctx, peer.id, { type: "user" }, "prompt hook");
      for (const rider of leaseForHook(ctx, latest, "prompt", `hook:${lease}`, CONTEXT_BYTES_MAX))
        envelopes.push([rider, "reply"]);
      const intro = unintroduced.delete(peer.id) ? [meshLine(ctx, latest)] : [];
      return {
        frames: [...intro, ...envelopes.map(([envelope, path]) => geminiFrame(envelope, path))],
        notices: envelopes.map(([envelope]) => geminiNotice(envelope)),
      };
    });
    if ("deny" in taken) return { output: { decision: "deny", reason: taken.deny } };
    if (taken.frames.length === 0) return {};
    const reply = context("BeforeAgent", taken.frames.join("\n\n"));
    const shown = taken.notices.length > 0 ? { systemMessage: taken.notices.join("\n") } : {};
    return { output: { ...reply.output, ...shown }, lease };
  }

  function stateOf(ctx: Context, peer: PeerRecord, handle: string): HandleState {
    const delivery = ctx.tx.deliveries.byHandle(handle);
    if (delivery?.peer !== peer.id) return "foreign";
    switch (delivery.state) {
      case "leased":
        return delivery.rung === "pane" ? "waiting" : "past";
      case "queued":
      case "held":
        return delivery.kind === "answer" || effectiveInbound(ctx, peer).policy === "accept" ? "waiting" : "held";
      default:
        return "past";
    }
  }

  /** The message of a tag. One that had been given back meanwhile is in hand again. */
  function takeTag(ctx: Context, handle: string, route: string): Envelope {
    const delivery = ctx.tx.deliveries.byHandle(handle);
    if (!delivery) throw new Error(`no delivery ${handle}`);
    return makeEnvelope(ctx, delivery.state === "leased" ? delivery : leaseTo(ctx, delivery, "pane", route));
  }

  async function afterAgent(peer: PeerRecord, session: GeminiSession): Promise<HookReply> {
    await session.turnEnded();
    // A pane takes messages when it is idle; only where there is none, the end of a turn is the moment.
    if (!session.isPlain) return {};
    const lease = newSecret();
    const text = await engine.run((ctx) => {
      const latest = ctx.tx.peers.get(peer.id) ?? peer;
      const [next] = leaseForHook(ctx, latest, "turn_end", `hook:${lease}`, CONTEXT_BYTES_MAX, 1);
      if (next) noteActivity(ctx, peer.id, "busy");
      return next && geminiFrame(next, "turn");
    });
    if (text === undefined) return {};
    injected.set(peer.id, text);
    return { output: { decision: "deny", reason: text }, lease };
  }

  /** The dialog opens only when this hook has ended (0.61.0): it tells, and is gone. */
  async function notification(input: GeminiHookInput, session: GeminiSession): Promise<HookReply> {
    if (input.notification_type !== "ToolPermission") return {};
    const { details } = input;
    const tool = details?.toolName
      ? `${details.serverName ?? "mcp"} ${details.toolName}`
      : (details?.title ?? "a tool");
    const command = details?.command ? `: ${details.command}` : "";
    await session.waits(`${cleanLine(`${tool}${command}`).slice(0, 120)}; decide in ${session.place}`);
    return {};
  }

  async function printed(pid: number, lease: string): Promise<void> {
    await engine.run((ctx) => {
      const instance = instanceOf(pid);
      const peer = ctx.tx.peers.all().find((candidate) => sameInstance(candidate.instance, instance));
      if (!peer) return;
      settleHookLease(ctx, peer.id, `hook:${lease}`);
      const message = printing.get(lease);
      const delivery = message && ctx.tx.deliveries.get(message, peer.id);
      if (delivery && delivery.state === "leased") present(ctx, delivery, "pane");
    });
    printing.delete(lease);
  }

  return { report, printed };
}

function context(event: string, text: string): HookReply {
  return { output: { hookSpecificOutput: { hookEventName: event, additionalContext: text } } };
}
