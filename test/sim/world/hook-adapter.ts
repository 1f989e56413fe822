import {
  type Clock,
  type Context,
  changeConversation,
  claimSeat,
  type Engine,
  endTurn,
  enter,
  type Ids,
  leaseForHook,
  noteActivity,
  noteSeen,
  noteTurnInput,
  type PeerRecord,
  type SessionStart,
  settleHookLease,
  type TurnInput,
} from "../../../src/core/index.ts";
import { type Envelope, type MessageId, type PeerId, sameInstance } from "../../../src/protocol/index.ts";

/**
 * How the daemon follows sessions of a runtime with hooks and a transcript: in the simulation's own terms, but with the calls into
 * core, and the moments of them, of `src/adapters/claude-code`.
 */

/** What a transcript holds; it outlives daemons, and each of them reads it from its beginning. */
export type Fact =
  | { type: "frame"; message: MessageId }
  | { type: "user" }
  | { type: "result"; messages: MessageId[] }
  | { type: "output"; endsTurn: boolean }
  | { type: "interrupted" };

/** What can be seen of a running session from outside. */
export interface HookedSession {
  readonly start: SessionStart;
  readonly isAlive: boolean;
  readonly conversation: string;
  readonly status: "idle" | "busy" | "waiting";
  readonly transcript: readonly Fact[];
}

export type HookEvent =
  | { type: "prompt"; inputs: TurnInput[] }
  | { type: "between_tools" }
  | { type: "stop"; text: string; wasContinued: boolean }
  | { type: "failure"; outcome: "model_error" | "limited"; limitedMs?: number }
  | { type: "compact" };

export interface HookReply {
  remind?: boolean;
  lease?: string;
  items: Envelope[];
}

export interface HookAdapter {
  attach(peer: PeerRecord): void;
  /** `at`: when it happened (epoch ms), of an event that is told from the spool; then its hook has ended, and prints nothing. */
  report(session: HookedSession, event: HookEvent, at?: number): Promise<HookReply>;
  printed(session: HookedSession, lease: string): Promise<void>;
  start(): void;
}

const LOOK_MS = 1_000;
const CONTEXT_BYTES_MAX = 9_000;

interface Reader {
  conversation: string;
  at: number;
  inputs: TurnInput[];
  awaitingOutput: MessageId[];
  isTurnOver: boolean;
}

export function createHookAdapter(parts: {
  engine: Engine;
  clock: Clock;
  ids: Ids;
  hooked(): readonly HookedSession[];
  onFault(error: unknown): void;
}): HookAdapter {
  const { engine } = parts;
  const readers = new Map<HookedSession, Reader>();

  function readerOf(session: HookedSession): Reader {
    const known = readers.get(session);
    if (known?.conversation === session.conversation) return known;
    const fresh = {
      conversation: session.conversation,
      at: 0,
      inputs: [],
      awaitingOutput: [],
      isTurnOver: false,
    };
    readers.set(session, fresh);
    return fresh;
  }

  const seatOf = (ctx: Context, session: HookedSession) =>
    ctx.tx.peers.all().find((peer) => sameInstance(peer.instance, session.start.instance));

  /** Facts count as read once they are stored. */
  async function catchUp(session: HookedSession, also: (ctx: Context, peer: PeerId) => void = () => {}): Promise<void> {
    const reader = readerOf(session);
    const until = session.transcript.length;
    const next = await engine.run((ctx) => {
      const peer = seatOf(ctx, session);
      const draft: Reader = { ...reader, at: until };
      if (!peer) return reader;
      also(ctx, peer.id);
      for (const fact of session.transcript.slice(reader.at, until)) apply(ctx, peer.id, draft, fact);
      return draft;
    });
    if (readers.get(session) === reader) readers.set(session, next);
  }

  function takeInput(reader: Reader, input: TurnInput): void {
    if (reader.isTurnOver) Object.assign(reader, { inputs: [], awaitingOutput: [], isTurnOver: false });
    reader.inputs = [...reader.inputs, input].slice(-64);
  }

  function apply(ctx: Context, peer: PeerId, reader: Reader, fact: Fact): void {
    switch (fact.type) {
      case "frame":
        takeInput(reader, { type: "delivery", message: fact.message });
        noteTurnInput(ctx, peer, { type: "delivery", message: fact.message }, "transcript");
        reader.awaitingOutput = [...reader.awaitingOutput, fact.message];
        return;
      case "user":
        return takeInput(reader, { type: "user" });
      case "result":
        for (const message of fact.messages) {
          const delivery = ctx.tx.deliveries.get(message, peer);
          if (delivery) enter(ctx, delivery, "transcript");
          reader.awaitingOutput = [...reader.awaitingOutput, message];
        }
        return;
      case "output":
        for (const message of reader.awaitingOutput) noteSeen(ctx, peer, message, "transcript");
        reader.awaitingOutput = [];
        if (fact.endsTurn) reader.isTurnOver = true;
        return;
      case "interrupted":
        endTurn(ctx, peer, { outcome: "interrupted", inputs: reader.inputs, wasContinued: false, canRemind: false });
        reader.isTurnOver = true;
        return;
      default:
        fact satisfies never;
    }
  }

  /** As the real one looks at the files' times before it reads them. */
  function hasNews(session: HookedSession): boolean {
    const reader = readers.get(session);
    return (
      reader?.conversation !== session.conversation ||
      reader.at < session.transcript.length ||
      engine.read((ctx) => ctx.live.activity(seatOf(ctx, session)?.id ?? "").state) !== session.status
    );
  }

  function refreshLater(session: HookedSession): void {
    void refresh(session).catch(parts.onFault);
  }

  /** What the runtime's own record of the session tells. */
  function refresh(session: HookedSession): Promise<void> {
    return catchUp(session, (ctx, peer) => {
      ctx.live.setGivesReceipts(ctx.tx, peer, true);
      changeConversation(ctx, peer, session.conversation, "change");
      noteActivity(ctx, peer, session.status);
    });
  }

  function join(ctx: Context, session: HookedSession): PeerRecord {
    const seat = claimSeat(ctx, { ...session.start, capabilities: ["hooks"] });
    ctx.live.setGivesReceipts(ctx.tx, seat.id, true);
    changeConversation(ctx, seat.id, session.conversation, "change");
    return ctx.tx.peers.get(seat.id) ?? seat;
  }

  function lookRegularly(): void {
    parts.clock.after(LOOK_MS, () => {
      for (const session of parts.hooked()) if (session.isAlive && hasNews(session)) refreshLater(session);
      lookRegularly();
    });
  }

  return {
    attach(peer) {
      const session = parts
        .hooked()
        .find((candidate) => candidate.isAlive && sameInstance(candidate.start.instance, peer.instance));
      if (session) refreshLater(session);
    },
    async report(session, event, at) {
      const peer = await engine.run((ctx) => join(ctx, session));
      const lease = `hook:${parts.ids.secret()}`;
      switch (event.type) {
        case "prompt": {
          const items = await engine.run((ctx) => {
            noteActivity(ctx, peer.id, "busy");
            for (const input of event.inputs) noteTurnInput(ctx, peer.id, input, "prompt hook", at);
            if (at !== undefined) return [];
            return leaseForHook(ctx, ctx.tx.peers.get(peer.id) ?? peer, "prompt", lease, CONTEXT_BYTES_MAX);
          });
          return { items, lease };
        }
        case "between_tools": {
          await catchUp(session);
          const items = await engine.run((ctx) =>
            leaseForHook(ctx, ctx.tx.peers.get(peer.id) ?? peer, "between_tools", lease, CONTEXT_BYTES_MAX),
          );
          return { items, lease };
        }
        case "stop": {
          await catchUp(session);
          const { inputs } = readerOf(session);
          return engine.run((ctx): HookReply => {
            const { text, wasContinued } = event;
            const remind = endTurn(ctx, peer.id, {
              outcome: "done",
              text,
              inputs,
              wasContinued,
              canRemind: at === undefined,
              at,
            });
            if (remind) return { remind: true, items: [] };
            if (at !== undefined) return { items: [] };
            const latest = ctx.tx.peers.get(peer.id) ?? peer;
            const items = leaseForHook(ctx, latest, "turn_end", lease, CONTEXT_BYTES_MAX);
            if (items.length > 0) noteActivity(ctx, peer.id, "busy");
            return { items, lease };
          });
        }
        case "failure":
          await catchUp(session);
          await engine.run((ctx) =>
            endTurn(ctx, peer.id, {
              outcome: event.outcome,
              error: "as simulated",
              limitedUntil: event.limitedMs === undefined ? undefined : ctx.now.wall + event.limitedMs,
              inputs: readerOf(session).inputs,
              wasContinued: false,
              canRemind: false,
              at,
            }),
          );
          return { items: [] };
        case "compact":
          await engine.run((ctx) => changeConversation(ctx, peer.id, session.conversation, "compact", at));
          return { items: [] };
        default:
          return event satisfies never;
      }
    },
    async printed(session, lease) {
      await engine.run((ctx) => {
        const peer = seatOf(ctx, session);
        if (peer) settleHookLease(ctx, peer.id, lease);
      });
    },
    start: lookRegularly,
  };
}
