import type { Context } from "../core/index.ts";
import {
  type Ask,
  type Delivery,
  type ExportedMessage,
  type ExportedPeer,
  type ExportPage,
  LIMITS,
  type MeshEvent,
  type Message,
  type MessageId,
  RepowireError,
} from "../protocol/index.ts";
import { publicDelivery } from "./records.ts";
import type { Handler, OperationDeps } from "./types.ts";

export function exportHandler(deps: OperationDeps, epoch: string): Handler<"export"> {
  return async ({ params }) =>
    deps.engine.read((ctx) => {
      const thread = params.thread === undefined ? undefined : threadNamed(ctx, params.thread);
      return exportPage(ctx, { ...params, thread, bodies: params.bodies ?? true, epoch });
    });
}

export interface ExportWish {
  after?: number;
  since?: number;
  thread?: MessageId;
  bodies: boolean;
  epoch: string;
}

/**
 * The records that begin behind a cursor. Conversations are exported whole or not at all: with `since`, those that began since. Each
 * message comes with all its events, so what is said of it in one page is of one instant.
 */
export function exportPage(ctx: Context, wish: ExportWish): ExportPage {
  const scanned = ctx.tx.events.after(wish.after ?? 0, LIMITS.pageMax);
  const messages: Message[] = [];
  const others: MeshEvent[] = [];
  let cursor: number | undefined;
  for (const event of scanned) {
    cursor = event.seq;
    if (event.message === undefined) others.push(event);
    const message = event.type === "message.accepted" && event.message ? ctx.tx.messages.get(event.message) : undefined;
    if (message && isWanted(ctx, message, wish)) messages.push(message);
    if (messages.length >= LIMITS.exportPageMax) break;
  }
  const ids = messages.map(({ id }) => id);
  const asks = ids.flatMap((id) => ctx.tx.asks.get(id) ?? []);
  const about = wish.thread === undefined ? others.filter((event) => event.at >= (wish.since ?? 0)) : [];
  return {
    peers: peersOf(ctx, messages),
    messages: messages.map((message): ExportedMessage => (wish.bodies ? message : withoutBody(message))),
    deliveries: ids.flatMap((id) => ctx.tx.deliveries.ofMessage(id)).map((record): Delivery => publicDelivery(record)),
    asks: asks.map(({ expires_awake_ms: _e, ...ask }): Ask => (wish.bodies ? ask : withoutText(ask))),
    events: [...about, ...ctx.tx.events.ofMessages(ids)].map((event) =>
      wish.bodies ? event : withoutDescription(event),
    ),
    epoch: wish.epoch,
    cursor: scanned.length === 0 ? undefined : cursor,
  };
}

function threadNamed(ctx: Context, id: string): MessageId {
  const message = ctx.tx.messages.get(ctx.tx.deliveries.byHandle(id)?.message ?? id);
  if (!message)
    throw new RepowireError("not_found", `No message "${id}". \`repowire log\` shows the recent ones, with their ids.`);
  return message.thread;
}

/** The notice of a withdrawal has a thread of its own, but belongs to what it speaks of. */
function isWanted(ctx: Context, message: Message, wish: ExportWish): boolean {
  const spokenOf = message.in_reply_to ? ctx.tx.messages.get(message.in_reply_to) : undefined;
  const thread = spokenOf?.thread ?? message.thread;
  if (wish.thread !== undefined) return thread === wish.thread;
  const beganAt = (ctx.tx.messages.get(thread) ?? message).created_at;
  return beganAt >= (wish.since ?? 0);
}

function peersOf(ctx: Context, messages: Message[]): ExportedPeer[] {
  const ids = new Set(
    messages.flatMap((message) => [message.from, ...ctx.tx.deliveries.ofMessage(message.id).map(({ peer }) => peer)]),
  );
  return [...ids].flatMap((id) => {
    const peer = ctx.tx.peers.get(id);
    if (!peer) return [];
    const { name, circle, role, runtime, machine, path } = peer;
    return [{ id, name, circle, role, runtime, machine, path }];
  });
}

/** What a file is called is its sender's word, too. */
const withoutBody = (message: Message): ExportedMessage => ({
  ...message,
  body: undefined,
  attachments: message.attachments.map(({ name: _n, ...facts }) => facts),
});

/** What an ask quotes of the recipient's words. */
const withoutText = ({ detail: _d, progress: _p, ...ask }: Ask): Ask => ask;

function withoutDescription(event: MeshEvent): MeshEvent {
  const { description: _d, ...data } = event.data;
  return { ...event, data };
}
