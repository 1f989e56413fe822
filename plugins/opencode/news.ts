import type { Envelope, MessageId } from "../../src/protocol/index.ts";

/** What was stored in a session without a turn of its own: the model reads it with whatever turn comes next. */
export interface News {
  put(session: string, items: readonly Envelope[]): void;
  drop(items: readonly Envelope[]): void;
  /** `id`: OpenCode's own for the stored message. */
  onStored(session: string, message: MessageId, id: string): void;
  onModelMessage(session: string, id: string, parent: string | undefined): void;
  /** The messages that the model had in this step, each told once. */
  readBy(session: string, modelMessage: string): MessageId[];
  onDeleted(session: string): void;
}

interface Entry {
  session: string;
  id?: string;
  readers: Set<string>;
}

/**
 * A model message stands under the newest prompt that it was given, and OpenCode's ids grow with time (1.18.33): one whose parent is
 * our message or a later one had ours before it. A turn that had begun before proves nothing.
 */
export function createNews(): News {
  const unread = new Map<MessageId, Entry>();
  const of = (session: string) => [...unread].filter(([, entry]) => entry.session === session);
  return {
    put(session, items) {
      for (const { message } of items) unread.set(message, { session, readers: new Set() });
    },
    drop(items) {
      for (const { message } of items) unread.delete(message);
    },
    onStored(session, message, id) {
      const entry = unread.get(message);
      if (entry?.session === session) entry.id = id;
    },
    onModelMessage(session, id, parent) {
      for (const [, entry] of of(session))
        if (parent !== undefined && entry.id !== undefined && parent >= entry.id) entry.readers.add(id);
    },
    readBy(session, modelMessage) {
      const read = of(session).flatMap(([message, entry]) => (entry.readers.has(modelMessage) ? [message] : []));
      for (const message of read) unread.delete(message);
      return read;
    },
    onDeleted(session) {
      for (const [message] of of(session)) unread.delete(message);
    },
  };
}
