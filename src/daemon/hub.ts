import type { MeshEvent } from "../protocol/index.ts";

/** Passes committed events on to whoever listens in this process. */
export interface EventHub {
  subscribe(listener: (event: MeshEvent) => void): () => void;
  publish(event: MeshEvent): void;
  readonly size: number;
}

export function createEventHub(): EventHub {
  const listeners = new Set<(event: MeshEvent) => void>();
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    publish(event) {
      for (const listener of [...listeners]) listener(event);
    },
    get size() {
      return listeners.size;
    },
  };
}
