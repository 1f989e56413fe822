import type { AskRecord, DeliveryRecord } from "../core/index.ts";
import type { Ask, Delivery, ExportedMessage, Message } from "../protocol/index.ts";
import type { Run } from "./file.ts";
import type { ReplayMesh } from "./mesh.ts";

/** What follows from the recorded inputs; the rest (conversations, reminders, how much was shown) came from sessions. */
const OF_DELIVERY = ["handle", "state", "attempt", "rung", "presented_at", "entered_at", "seen_at", "seen_by"] as const;
const OF_ASK = [
  "handle",
  "asker",
  "askee",
  "state",
  "by",
  "reason",
  "answer",
  "abandoned",
  "opened_at",
  "closed_at",
] as const;
const OF_MESSAGE = [
  "kind",
  "from",
  "to",
  "body_bytes",
  "in_reply_to",
  "thread",
  "urgency",
  "hops",
  "traceparent",
  "created_at",
] as const;

/** One sentence for each field in which the replay ended otherwise than the record. */
export function compareStates(run: Run, mesh: ReplayMesh): string[] {
  return mesh.read((tx) => [
    ...run.messages.flatMap((message) => messageDiff(message, tx.messages.get(message.id))),
    ...run.deliveries.flatMap((delivery) => deliveryDiff(delivery, tx.deliveries.get(delivery.message, delivery.peer))),
    ...run.asks.flatMap((ask) => askDiff(ask, tx.asks.get(ask.message))),
    ...run.messages.flatMap(({ id }) =>
      tx.deliveries
        .ofMessage(id)
        .filter(({ peer }) => !run.deliveries.some((known) => known.message === id && known.peer === peer))
        .map(({ handle, peer }) => `delivery ${handle} to ${peer} is not in the record`),
    ),
  ]);
}

const messageDiff = (recorded: ExportedMessage, own: Message | undefined) =>
  diff(`message ${recorded.id}`, OF_MESSAGE, recorded, own);
const deliveryDiff = (recorded: Delivery, own: DeliveryRecord | undefined) =>
  diff(`delivery ${recorded.handle} to ${recorded.peer}`, OF_DELIVERY, recorded, own);
const askDiff = (recorded: Ask, own: AskRecord | undefined) => diff(`ask ${recorded.handle}`, OF_ASK, recorded, own);

function diff<Key extends string>(
  what: string,
  keys: readonly Key[],
  recorded: Partial<Record<Key, unknown>>,
  own: Partial<Record<Key, unknown>> | undefined,
): string[] {
  if (!own) return [`${what} was not made again`];
  return keys
    .filter((key) => recorded[key] !== own[key])
    .map((key) => `${what}: ${key} is ${String(own[key])}, recorded is ${String(recorded[key])}`);
}
