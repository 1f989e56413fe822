import {
  type Caller,
  type Context,
  type FoundMessages,
  type MessageQuery,
  parseSearch,
  relevance,
  resolvePeer,
  seatOf,
  snippetOf,
} from "../core/index.ts";
import {
  type FoundMessage,
  LIMITS,
  type Message,
  type OperationParams,
  PeerId,
  RepowireError,
} from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** What was said: by its words, or of whom. */

const PAGE_DEFAULT = 20;

export function searchHandler(deps: OperationDeps): Handler<"search"> {
  return async ({ caller, params }) =>
    deps.engine.read((ctx) => {
      const terms = parseSearch(params.words);
      const limit = params.limit ?? PAGE_DEFAULT;
      if (params.relevance && params.cursor !== undefined) {
        throw new RepowireError(
          "invalid_input",
          "Ordered by relevance there is one page only: leave out the cursor, or the relevance.",
        );
      }
      const query = { ...queryOf(ctx, caller, params), terms, limit };
      const { found, next } = params.relevance ? bestOf(ctx, query) : ctx.tx.messages.find(query);
      return {
        messages: found.map(({ message }) => ({
          ...foundMessage(ctx, message),
          snippet: snippetOf(message.body, terms),
        })),
        cursor: next,
      };
    });
}

export function historyHandler(deps: OperationDeps): Handler<"history"> {
  return async ({ caller, params }) =>
    deps.engine.read((ctx) => {
      const query = queryOf(ctx, caller, params);
      if (params.with !== undefined) {
        if (params.peer === undefined)
          throw new RepowireError("invalid_input", '"with" needs "peer": the two whose messages are wanted.');
        query.between = [peerOf(ctx, caller, params.peer), peerOf(ctx, caller, params.with)];
      }
      const { found, next } = ctx.tx.messages.find({ ...query, terms: [], limit: params.limit ?? PAGE_DEFAULT });
      return {
        messages: found.toReversed().map(({ message }) => {
          const text = message.body.slice(0, LIMITS.findTextCharsMax).toWellFormed();
          return { ...foundMessage(ctx, message), text, rest_chars: message.body.length - text.length };
        }),
        cursor: next,
      };
    });
}

/** Among the newest that fit: reading all of a common word's messages would take as long as there are messages. */
function bestOf(ctx: Context, query: MessageQuery): FoundMessages {
  const { found } = ctx.tx.messages.find({ ...query, limit: LIMITS.searchRankedMax });
  const ranked = found.map((one) => ({ one, score: relevance(one.message.body, query.terms) }));
  ranked.sort((a, b) => b.score - a.score || b.one.place - a.one.place);
  return { found: ranked.slice(0, query.limit).map(({ one }) => one) };
}

type Filters = Pick<
  OperationParams<"history">,
  "peer" | "from" | "circle" | "kind" | "since" | "until" | "thread" | "cursor"
>;

/** Whoever is no person sees what it sent or received, whatever it asks for: other peers' inboxes are closed. */
function queryOf(ctx: Context, caller: Caller, params: Filters): Omit<MessageQuery, "terms" | "limit"> {
  const me = seatOf(ctx, caller);
  const parties: PeerId[] = caller.isHuman ? [] : [me.id];
  if (params.peer !== undefined) parties.push(peerOf(ctx, caller, params.peer));
  const { circle, kind, since, until, cursor } = params;
  return {
    parties,
    sender: params.from === undefined ? undefined : peerOf(ctx, caller, params.from),
    circle,
    kind,
    since,
    until,
    before: cursor,
    thread: params.thread === undefined ? undefined : threadOf(ctx, caller, params.thread),
  };
}

/** A peer by its name or address; by its id also one whose seat was removed. */
function peerOf(ctx: Context, caller: Caller, text: string): PeerId {
  const id = PeerId.safeParse(text);
  return id.success ? id.data : resolvePeer(ctx, seatOf(ctx, caller), text).id;
}

function threadOf(ctx: Context, caller: Caller, id: string): Message["thread"] {
  const delivery = ctx.tx.deliveries.byHandle(id);
  const message = ctx.tx.messages.get(delivery?.message ?? id);
  const isParty =
    message !== undefined &&
    (caller.isHuman || message.from === caller.peer || ctx.tx.deliveries.get(message.id, caller.peer) !== undefined);
  if (!message || !isParty) {
    throw new RepowireError(
      "not_found",
      `No message "${id}" of yours. \`repowire search\` and \`repowire history\` show the ids.`,
    );
  }
  return message.thread;
}

function foundMessage(ctx: Context, message: Message): FoundMessage {
  return {
    message: message.id,
    thread: message.thread,
    kind: message.kind,
    from: message.from_name,
    from_id: message.from,
    circle: message.from_circle,
    at: message.created_at,
    to: ctx.tx.deliveries.ofMessage(message.id).map((delivery) => ({
      peer: ctx.tx.peers.get(delivery.peer)?.name ?? delivery.peer,
      peer_id: delivery.peer,
      id: delivery.handle,
      state: delivery.state,
    })),
    ask: ctx.tx.asks.get(message.id)?.state,
    bytes: message.body_bytes,
    attachments: message.attachments.length > 0 ? message.attachments : undefined,
  };
}
