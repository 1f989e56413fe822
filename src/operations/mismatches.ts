import { MISMATCH_WORDS } from "../core/index.ts";
import type { DeliveryState } from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** What the reconciler has marked, one by one. A purged message takes its mark with it. */
export function mismatchesHandler(deps: OperationDeps): Handler<"mismatches"> {
  return async () =>
    deps.engine.read(({ tx }) => {
      const nameOf = (id: string) => tx.peers.get(id)?.name ?? "a peer that is gone";
      const marked = tx.shelves.mismatch.all().toReversed();
      return {
        mismatches: marked.flatMap(({ kind, handle, message: id, peer, at }) => {
          const [message, delivery] = [tx.messages.get(id), tx.deliveries.get(id, peer)];
          if (!message || !delivery) return [];
          const isClaim = kind === "claimed";
          const state: DeliveryState = isClaim ? "seen" : "presented";
          return [
            {
              id: handle,
              message: id,
              thread: message.thread,
              kind: message.kind,
              from: tx.peers.get(message.from)?.name ?? message.from_name,
              to: nameOf(peer),
              to_id: peer,
              ledger: { state, ...(isClaim && delivery.seen_by ? { proof: delivery.seen_by } : {}) },
              record: isClaim ? ("not_shown" as const) : ("shown" as const),
              why: MISMATCH_WORDS[kind],
              state: delivery.state,
              recorded_at: isClaim ? delivery.seen_at : delivery.presented_at,
              found_at: at,
            },
          ];
        }),
      };
    });
}
