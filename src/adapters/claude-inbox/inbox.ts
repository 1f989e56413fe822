import {
  acceptMessage,
  type Context,
  type Engine,
  failAsk,
  mayReach,
  move,
  present,
  replyToAsk,
  settlePending,
} from "../../core/index.ts";
import { newMessageId } from "../../platform/ids.ts";
import { logger } from "../../platform/log.ts";
import {
  type DeliverResult,
  type Envelope,
  LIMITS,
  type MessageId,
  type PeerId,
  RepowireError,
} from "../../protocol/index.ts";
import { inboxFrame } from "../../words/index.ts";
import type { Transport, Transports } from "../adapter.ts";
import { createAddresses } from "./addresses.ts";
import { createListeners } from "./listeners.ts";
import { type InboxFrame, reach, readPeerToken, unwrap, writeLines } from "./wire.ts";

const log = logger("claude-inbox");

/** A session that can be written to, as its own record names it. */
export interface InboxTarget {
  peer: PeerId;
  socket: string;
  configDir: string;
  pid: number;
}

/**
 * Claude Code's cross-session messages: the daemon writes into a session's own inbox socket, and the model's own SendMessage comes
 * back to an address made for that one message. The CLI decides what it takes: messages to a session without permission prompts
 * are held for its user, and that is reported here.
 */
export interface ClaudeInbox {
  addRoute(id: string, target: InboxTarget): void;
  removeRoute(id: string): void;
  /** Where a reply to this message would go. */
  addressOf(message: MessageId, handle: string): string;
  /** Listens again for what was handed over before a restart. */
  start(): Promise<void>;
  stop(): void;
  readonly size: number;
}

/** Addresses of messages that need no answer are kept this long, for what the CLI says about them. */
const ONE_WAY_KEPT_MS = 600_000;

export function createClaudeInbox(parts: {
  engine: Engine;
  transports: Transports;
  folder: string;
  secret: string;
}): ClaudeInbox {
  const { engine } = parts;
  const addresses = createAddresses(parts.folder, parts.secret);
  const listeners = createListeners();

  function transportFor(target: InboxTarget): Transport {
    return {
      async deliver(items) {
        const results: DeliverResult[] = [];
        for (const item of items) results.push(await send(target, item));
        return results;
      },
      probe: () => reach(target.socket),
    };
  }

  async function send(target: InboxTarget, item: Envelope): Promise<DeliverResult> {
    const base = { message: item.message, attempt: item.attempt };
    try {
      await listen(target.peer, item.message, item.handle);
      const address = addresses.address(item.message, item.handle);
      const token = readPeerToken(target.configDir, target.pid);
      await writeLines(target.socket, [
        ...(token ? [{ type: "auth", token }] : []),
        {
          type: "user",
          msgV: 1,
          msg_id: item.message,
          from: address,
          priority: "next",
          message: { role: "user", content: inboxFrame(item, address) },
        },
      ]);
      if (item.kind !== "ask")
        setTimeout(() => listeners.close(addresses.file(item.message, item.handle)), ONE_WAY_KEPT_MS).unref();
      return { ...base, outcome: "presented" };
    } catch (error) {
      return { ...base, outcome: "unreachable", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  function listen(peer: PeerId, message: MessageId, handle: string): Promise<void> {
    return listeners.open(addresses.file(message, handle), (frame) => {
      engine
        .run((ctx) => take(ctx, peer, message, frame))
        .catch((error) => log.warning("a frame on a reply address was refused", { message, error }));
    });
  }

  function take(ctx: Context, peer: PeerId, message: MessageId, frame: InboxFrame): void {
    if (frame.type === "control") return takeStatus(ctx, peer, message, frame.status);
    const text = unwrap(frame.message.content);
    if (text === "") return;
    const ask = ctx.tx.asks.get(message);
    if (ask) {
      replyToAsk(ctx, { ask, text, outcome: "answer", by: "reply", message: newMessageId() });
      return;
    }
    sendBack(ctx, peer, message, text);
  }

  /** A SendMessage to a message that was no question: it goes back to its sender as a notification. */
  function sendBack(ctx: Context, peer: PeerId, message: MessageId, text: string): void {
    const original = ctx.tx.messages.get(message);
    const from = ctx.tx.peers.get(peer);
    const to = original && ctx.tx.peers.get(original.from);
    if (!original || !from || !to || !mayReach(from, to))
      throw new RepowireError("peer_not_found", "The sender of that message is not to be reached.");
    acceptMessage(ctx, {
      id: newMessageId(),
      kind: "notify",
      from,
      to: [to],
      body: text,
      urgency: "normal",
      in_reply_to: message,
      thread: original.thread,
      hops: original.hops + 1,
      expiryMs: LIMITS.notifyExpiryMs,
    });
  }

  /** What the CLI says became of a message that it did not take at once. */
  function takeStatus(
    ctx: Context,
    peer: PeerId,
    message: MessageId,
    status: Extract<InboxFrame, { type: "control" }>["status"],
  ): void {
    const delivery = ctx.tx.deliveries.get(message, peer);
    if (!delivery) return;
    const ask = ctx.tx.asks.get(message);
    const name = ctx.tx.peers.get(peer)?.name ?? "the session";
    switch (status) {
      case "held":
        move(ctx, delivery, "held", {
          reason: `is asked by its CLI whether to take it: its user decides in its terminal`,
        });
        if (ask?.state === "open") settlePending(ctx, ask);
        return;
      case "delivered":
        if (delivery.state === "held") present(ctx, delivery, "inbox_socket");
        return;
      case "denied":
      case "refused":
        move(ctx, delivery, "refused", { reason: `${name}'s user denied it` });
        if (ask?.state === "open") failAsk(ctx, ask, "refused", `${name}'s user denied the message in its terminal.`);
        return;
      case "expired":
      case "dropped":
        move(ctx, delivery, "refused", { reason: `${name}'s CLI ${status} it` });
        if (ask?.state === "open")
          failAsk(ctx, ask, "refused", `${name}'s CLI ${status} the message before its user decided.`);
        return;
      default:
        status satisfies never;
    }
  }

  return {
    addRoute: (id, target) => parts.transports.addTransport(id, transportFor(target)),
    removeRoute: (id) => parts.transports.removeTransport(id),
    addressOf: addresses.address,
    async start() {
      const open = engine.read((ctx) =>
        ctx.tx.deliveries
          .allInStates(["leased", "presented", "held"])
          .filter((delivery) => delivery.rung === "inbox_socket"),
      );
      const seen = engine.read((ctx) =>
        ctx.tx.peers
          .all()
          .flatMap((peer) => ctx.tx.asks.openTo(peer.id))
          .flatMap((ask) => ctx.tx.deliveries.get(ask.message, ask.askee) ?? [])
          .filter((delivery) => delivery.rung === "inbox_socket" && delivery.state === "seen"),
      );
      for (const delivery of [...open, ...seen]) await listen(delivery.peer, delivery.message, delivery.handle);
    },
    stop: () => listeners.closeAll(),
    get size() {
      return listeners.size;
    },
  };
}
