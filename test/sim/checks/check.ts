import type { DeliveryRecord, Effect } from "../../../src/core/index.ts";
import type { MeshEvent, Message } from "../../../src/protocol/index.ts";
import type { World } from "../world/world.ts";

/** One promise, watched over a whole history. `promise` is its sentence; violations are told under it. */
export interface Check {
  promise: string;
  /** After each commit of the daemon, before anything of it happens. */
  during?(world: World, effects: readonly Effect[]): void;
  /** When everything has calmed down. */
  end?(world: World, stored: Stored): void;
}

/** All that the disk holds in the end. */
export interface Stored {
  events: MeshEvent[];
  messages: Map<string, Message>;
  deliveries: DeliveryRecord[];
}

export function readAll(world: World): Stored {
  return world.disk.look((tx) => {
    const events: MeshEvent[] = [];
    for (let page = tx.events.after(0, 1_000); page.length > 0; page = tx.events.after(events.at(-1)?.seq ?? 0, 1_000))
      events.push(...page);
    const messages = new Map<string, Message>();
    const deliveries: DeliveryRecord[] = [];
    for (const event of events) {
      if (event.type !== "message.accepted" || event.message === undefined) continue;
      const message = tx.messages.get(event.message);
      if (message) messages.set(message.id, message);
      deliveries.push(...tx.deliveries.ofMessage(event.message));
    }
    return { events, messages, deliveries };
  });
}

export const short = (id: string): string => id.slice(-4);
