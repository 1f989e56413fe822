import type { Ask, ExportedMessage, MeshEvent, MessageId, PeerId } from "../protocol/index.ts";
import type { Run } from "./file.ts";
import type { NextIds } from "./mesh.ts";

/** Where a replay stands in the recorded events, and what stands behind that place. */
export interface Journey {
  readonly at: number;
  next(): MeshEvent | undefined;
  peek(ahead: number): MeshEvent | undefined;
  skip(events: number): void;
  message(id: MessageId | undefined): ExportedMessage;
  ask(id: MessageId): Ask | undefined;
  recipientsOf(message: MessageId): PeerId[];
  /** The first answer to it that is accepted from here on. */
  nextAnswerTo(question: MessageId): ExportedMessage | undefined;
  /** The ids that core drew then, in the order in which it drew them. */
  ids(): NextIds;
}

/** How far ahead the ids of one decision may stand: a broadcast's recipients, and what else it brings. */
const AHEAD_MAX = 1_000;

export const isFirstQueued = (event: MeshEvent): boolean =>
  event.type === "delivery.queued" && typeof event.data.to === "string";

export function createJourney(run: Run, events: MeshEvent[]): Journey {
  const messages = new Map(run.messages.map((message) => [message.id, message]));
  const asks = new Map(run.asks.map((ask) => [ask.message, ask]));
  const recipients = new Map<MessageId, PeerId[]>();
  for (const event of events)
    if (isFirstQueued(event) && event.message && event.peer)
      recipients.set(event.message, [...(recipients.get(event.message) ?? []), event.peer]);
  let at = 0;

  function* ahead(fits: (event: MeshEvent) => boolean): Generator<MeshEvent> {
    for (const event of events.slice(at, at + AHEAD_MAX)) if (fits(event)) yield event;
  }

  return {
    get at() {
      return at;
    },
    next: () => events[at],
    peek: (offset) => events[at + offset],
    skip: (count) => {
      at += count;
    },
    message(id) {
      const message = id && messages.get(id);
      if (!message) throw new Error(`the message ${id} is not in the file`);
      return message;
    },
    ask: (id) => asks.get(id),
    recipientsOf: (message) => recipients.get(message) ?? [],
    nextAnswerTo(question) {
      for (const event of ahead(({ type }) => type === "message.accepted")) {
        const message = event.message && messages.get(event.message);
        if (message && message.kind === "answer" && message.in_reply_to === question) return message;
      }
      return undefined;
    },
    ids() {
      const accepted = ahead(({ type }) => type === "message.accepted");
      const queued = ahead(isFirstQueued);
      return {
        message: () => draw(accepted)?.message ?? missing("a message"),
        handle: () => String(draw(queued)?.data.handle ?? missing("a delivery")),
      };
    },
  };
}

function draw(from: Generator<MeshEvent>): MeshEvent | undefined {
  const { value } = from.next() as IteratorResult<MeshEvent, undefined>;
  return value;
}

function missing(what: string): never {
  throw new Error(`core made ${what} here that is not recorded`);
}
