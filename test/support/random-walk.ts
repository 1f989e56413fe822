import * as fc from "fast-check";
import {
  type Context,
  changeConversation,
  type DeliveryRecord,
  endSession,
  endTurn,
  leaseForHook,
  loseLink,
  type MessageStore,
  noteSeen,
  noteTurnInput,
  resumeLink,
  settleDelivery,
  settleHookLease,
} from "../../src/core/index.ts";
import { type OpenDeliveryState, type PeerId, RepowireError, Urgency } from "../../src/protocol/index.ts";
import { createMesh, type MeshHarness } from "./mesh-harness.ts";

/**
 * Steps that anybody in a mesh of three sessions might take, in any order: peers call, transports report, runtimes tell, time passes.
 * A step names things by small numbers, which pick among what there is; so every list of steps means something, and shrinks well.
 */
const NAMES = ["frontend", "backend", "infra"] as const;
const who = fc.nat({ max: NAMES.length - 1 });
const which = fc.nat({ max: 3 });

const STEP = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("ask" as const),
      who,
      to: who,
      text: fc.nat({ max: 1 }),
      waits: fc.boolean(),
      urgency: fc.constantFrom(...Urgency.options),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("reply" as const),
      who,
      which,
      text: fc.nat({ max: 1 }),
      outcome: fc.constantFrom("answer", "answer", "decline", "progress"),
      subagent: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("notify" as const),
      who,
      to: who,
      urgency: fc.constantFrom(...Urgency.options),
    }),
  },
  fc.record({ type: fc.constant("broadcast" as const), who }),
  fc.record({ type: fc.constant("withdraw" as const), who, which }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant("inbox" as const), who, subagent: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("look" as const), who, which, own: fc.boolean(), waits: fc.boolean() }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("report" as const),
      who,
      which,
      outcome: fc.constantFrom("presented", "presented", "presented", "held", "refused", "unreachable"),
      isStale: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("receipt" as const), who, which, isSeen: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("activity" as const),
      who,
      state: fc.constantFrom("idle", "busy", "waiting", "unknown"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("turn" as const),
      who,
      outcome: fc.constantFrom("done", "done", "interrupted", "model_error", "limited"),
      hasText: fc.boolean(),
      wasContinued: fc.boolean(),
    }),
  },
  fc.record({ type: fc.constant("conversation" as const), who, which, source: fc.constantFrom("change", "compact") }),
  fc.record({ type: fc.constant("leave" as const), who }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant("return" as const), who }) },
  fc.record({ type: fc.constant("route" as const), who, isOpen: fc.boolean() }),
  fc.record({ type: fc.constant("lose" as const), who }),
  fc.record({ type: fc.constant("resume" as const), who, behind: fc.nat({ max: 5 }) }),
  fc.record({ type: fc.constant("gate" as const), who, policy: fc.constantFrom("accept", "hold", "refuse", "accept") }),
  fc.record({
    type: fc.constant("hook" as const),
    who,
    moment: fc.constantFrom("prompt", "between_tools", "turn_end"),
    isWritten: fc.boolean(),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("time" as const),
      ms: fc.constantFrom(500, 1_000, 5_000, 31_000, 100_000, 900_000, 86_400_000),
    }),
  },
);

/** Long walks: short ones rarely bring a question, its answer and an accident together. */
export const STEPS = fc.array(STEP, { minLength: 1, maxLength: 60, size: "max" });
type Step = (typeof STEP extends fc.Arbitrary<infer T> ? T : never) & object;

/** One walk through a mesh over one store. */
export interface Walk {
  readonly mesh: MeshHarness;
  readonly peers: readonly PeerId[];
  /** `MESSAGE PEER` of all deliveries for which the recipient's side has given a receipt. */
  readonly receipts: ReadonlySet<string>;
  /** What was thrown that is no refusal. */
  readonly bugs: readonly unknown[];
  take(step: Step): Promise<void>;
  /** Lets all calls come back. */
  finish(): Promise<void>;
}

export async function startWalk(store: MessageStore): Promise<Walk> {
  const mesh = createMesh({ store });
  const receipts = new Set<string>();
  const bugs: unknown[] = [];
  const calls: Promise<unknown>[] = [];
  const peers: PeerId[] = [];
  for (const name of NAMES) {
    const peer = await mesh.join(name, { conversation: `${name} 0` });
    peers.push(peer);
    await mesh.openPush(peer);
    await mesh.givesReceipts(peer);
  }

  const noteBug = (error: unknown) => {
    if (!(error instanceof RepowireError)) bugs.push(error);
  };
  const peerAt = (index: number): PeerId => peers[index] ?? "";
  const nameAt = (index: number): string => NAMES[index] ?? "";
  const pick = <T>(list: readonly T[], index: number): T | undefined => list[index % Math.max(1, list.length)];
  const decide = (body: (ctx: Context) => unknown) => mesh.decide(body).catch(noteBug);
  const key = (delivery: Pick<DeliveryRecord, "message" | "peer">) => `${delivery.message} ${delivery.peer}`;
  const isGone = (peer: PeerId) => mesh.peer(peer).presence.state === "offline";
  /** Everything that was ever on its way to this peer, whatever became of it. */
  const mailOf = (peer: PeerId): DeliveryRecord[] =>
    mesh.read(({ tx }) =>
      tx.events
        .after(0, 100_000)
        .flatMap((event) =>
          event.type === "delivery.queued" && event.peer === peer
            ? (tx.deliveries.get(event.message ?? "", peer) ?? [])
            : [],
        )
        .filter((delivery, index, all) => all.findIndex((other) => other.message === delivery.message) === index),
    );
  const inStates = (peer: PeerId, states: readonly OpenDeliveryState[]) =>
    mesh.read(({ tx }) => tx.deliveries.inStates(peer, states));

  /** A call of a session; where it waits, the walk goes on meanwhile. */
  function call(run: () => Promise<unknown>): void {
    calls.push(run().catch(noteBug));
  }

  async function take(step: Step): Promise<void> {
    if (step.type === "time") return mesh.advance(step.ms);
    const peer = peerAt(step.who);
    if (step.type === "return") {
      if (isGone(peer)) {
        await mesh.join(nameAt(step.who), { conversation: mesh.peer(peer).conversation });
        await mesh.openPush(peer);
        await mesh.givesReceipts(peer);
      }
      return;
    }
    if (step.type === "gate") {
      await decide((ctx) => {
        ctx.tx.peers.put({ ...mesh.peer(peer), inbound_policy: step.policy });
        ctx.stirred.add(peer);
      });
      return;
    }
    // A process that is gone neither calls nor reports; what is spooled of it has tests of its own.
    if (!isGone(peer)) await takeInSession(step, peer);
  }

  async function takeInSession(step: Exclude<Step, { type: "time" | "return" | "gate" }>, peer: PeerId): Promise<void> {
    switch (step.type) {
      case "ask": {
        const wait_seconds = step.waits ? 60 : 0;
        const input = { peer: nameAt(step.to), question: `question ${step.text}`, wait_seconds, urgency: step.urgency };
        return call(() => mesh.call(peer, "ask", input));
      }
      case "reply": {
        const asks = mesh.read(({ tx }) => mailOf(peer).flatMap((delivery) => tx.asks.get(delivery.message) ?? []));
        const ask = pick(asks, step.which);
        if (!ask) return;
        if (!step.subagent) receipts.add(key({ message: ask.message, peer }));
        const input = { id: ask.handle, text: `text ${step.text}`, outcome: step.outcome };
        const caller = mesh.caller(peer, { mayBeSubagent: step.subagent });
        return call(() => mesh.operations.call("reply", input, caller));
      }
      case "notify":
        return call(() => mesh.call(peer, "notify", { peer: nameAt(step.to), text: "news", urgency: step.urgency }));
      case "broadcast":
        return call(() => mesh.call(peer, "broadcast", { text: "news for all" }));
      case "withdraw": {
        const ask = pick(
          mesh.read(({ tx }) => tx.asks.openFrom(peer)),
          step.which,
        );
        if (ask) call(() => mesh.call(peer, "inbox", { id: ask.handle, cancel: true }));
        return;
      }
      case "inbox":
        return call(() => mesh.operations.call("inbox", {}, mesh.caller(peer, { mayBeSubagent: step.subagent })));
      case "look": {
        const asks = mesh.read(({ tx }) => tx.asks.openFrom(peer));
        const mail = mailOf(peer);
        const id = step.own ? pick(asks, step.which)?.handle : pick(mail, step.which)?.handle;
        if (!id) return;
        for (const delivery of mail) if (delivery.handle === id) receipts.add(key(delivery));
        return call(() => mesh.call(peer, "inbox", { id, wait_seconds: step.waits ? 60 : undefined }));
      }
      case "report": {
        const delivery = pick(inStates(peer, ["leased"]), step.which);
        if (!delivery) return;
        const { message, rung } = delivery;
        const attempt = delivery.attempt - (step.isStale ? 1 : 0);
        // Results and hooks were written or they were not; nobody refuses them.
        const outcome = rung === "push" || rung === "channel" ? step.outcome : "presented";
        await decide((ctx) =>
          settleDelivery(ctx, peer, { message, attempt, outcome, reason: "as reported" }, rung ?? "push"),
        );
        return;
      }
      case "receipt": {
        const delivery = pick(inStates(peer, ["leased", "presented"]), step.which);
        if (!delivery) return;
        const { message } = delivery;
        if (step.isSeen) receipts.add(key(delivery));
        await decide((ctx) => {
          if (step.isSeen) noteSeen(ctx, peer, message, "transcript");
          else noteTurnInput(ctx, peer, { type: "delivery", message }, "prompt hook");
        });
        return;
      }
      case "activity":
        await mesh.activity(peer, step.state);
        return;
      case "turn": {
        // A turn that ends with text of its own is a receipt for the question that it was about.
        if (step.outcome === "done" && step.hasText) {
          for (const delivery of inStates(peer, ["presented"]))
            if (delivery.kind === "ask" && delivery.entered_at !== undefined) receipts.add(key(delivery));
        }
        const { outcome, wasContinued } = step;
        const text = step.hasText ? "the last text" : undefined;
        await decide((ctx) => endTurn(ctx, peer, { outcome, text, wasContinued, canRemind: true }));
        return;
      }
      case "conversation":
        await decide((ctx) => changeConversation(ctx, peer, `${nameAt(step.who)} ${step.which}`, step.source));
        return;
      case "leave":
        await decide((ctx) => endSession(ctx, peer, "its process ended"));
        return;
      case "route":
        if (step.isOpen) {
          await mesh.openPush(peer, { id: `channel of ${step.who}`, rung: "channel", needsProof: true });
        } else await decide((ctx) => ctx.live.removeRoute(ctx.tx, `channel of ${step.who}`));
        return;
      case "lose":
        await decide((ctx) => {
          const route = ctx.live.routes(peer)[0];
          if (route) loseLink(ctx, route);
        });
        return;
      case "resume": {
        const cursor = Math.max(0, mesh.read(({ tx }) => tx.events.last()) - step.behind);
        await decide((ctx) => resumeLink(ctx, peer, cursor));
        await mesh.openPush(peer, { id: `push of ${step.who}` });
        return;
      }
      case "hook":
        await decide((ctx) => leaseForHook(ctx, mesh.peer(peer), step.moment, `hook of ${step.who}`, 9_000));
        if (step.isWritten) await decide((ctx) => settleHookLease(ctx, peer, `hook of ${step.who}`));
        return;
      default:
        step satisfies never;
    }
  }

  return {
    mesh,
    peers,
    receipts,
    bugs,
    async take(step) {
      await take(step);
      await mesh.quiet();
    },
    async finish() {
      // Longer than any call waits.
      for (let i = 0; i < 3; i++) await mesh.advance(60_000);
      await Promise.all(calls);
    },
  };
}
