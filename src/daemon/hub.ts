import type { MeshEvent, MessageId } from "../protocol/index.ts";

/** Passes committed events on to whoever listens in this process. */
export interface EventHub {
  subscribe(listener: (event: MeshEvent) => void): () => void;
  /** With the events of one message only. */
  subscribeTo(message: MessageId, listener: (event: MeshEvent) => void): () => void;
  publish(event: MeshEvent): void;
  readonly size: number;
}

export function createEventHub(): EventHub {
  const listeners = new Set<(event: MeshEvent) => void>();
  const ofMessage = new Map<MessageId, Set<(event: MeshEvent) => void>>();
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    subscribeTo(message, listener) {
      const own = ofMessage.get(message) ?? new Set();
      ofMessage.set(message, own.add(listener));
      return () => {
        own.delete(listener);
        if (own.size === 0 && ofMessage.get(message) === own) ofMessage.delete(message);
      };
    },
    publish(event) {
      for (const listener of [...listeners]) listener(event);
      for (const listener of [...(ofMessage.get(event.message ?? "") ?? [])]) listener(event);
    },
    get size() {
      return listeners.size;
    },
  };
}
