import { RepowireError } from "../protocol/index.ts";
import { failAsk } from "./asks.ts";
import { type Context, stir } from "./context.ts";
import { effectiveInbound } from "./inbound.ts";
import { move } from "./mailbox.ts";
import type { DeliveryRecord, PeerRecord } from "./ports.ts";
import { settlePending } from "./waiting.ts";

/** The recipient's gate comes before every rung but pull: what is held stays in the mailbox, with the reason for the sender. */
export function applyGate(ctx: Context, peer: PeerRecord, open: DeliveryRecord[]): DeliveryRecord[] {
  const gate = effectiveInbound(ctx, peer);
  const passed: DeliveryRecord[] = [];
  for (const delivery of open) {
    // What the session itself asked for may always come back, and what a person let through has passed.
    const passes =
      gate.policy === "accept" || delivery.kind === "answer" || (gate.policy === "hold" && delivery.released_by);
    if (passes) {
      passed.push(delivery.state === "held" && isOurHold(delivery) ? move(ctx, delivery, "queued") : delivery);
    } else if (gate.policy === "hold") {
      if (delivery.state === "queued")
        tellHeld(ctx, move(ctx, delivery, "held", { reason: `${GATE_PREFIX}${gate.reason ?? ""}` }));
    } else {
      move(ctx, delivery, "refused", { reason: gate.reason });
      failIfAsk(ctx, delivery, `${peer.name} takes no messages: ${gate.reason ?? "its user decided so"}.`);
    }
  }
  return passed.filter((delivery) => delivery.state === "queued");
}

/** Tells our own hold from one by the recipient's runtime, which only that runtime's user lifts. */
export const GATE_PREFIX = "gate: ";
export const isOurHold = (delivery: DeliveryRecord) => delivery.reason?.startsWith(GATE_PREFIX) ?? false;

/** Whoever waits for this answer waits for a person now, and should know. */
export function tellHeld(ctx: Context, delivery: DeliveryRecord): void {
  const ask = delivery.kind === "ask" ? ctx.tx.asks.get(delivery.message) : undefined;
  if (ask?.state === "open") settlePending(ctx, ask);
}

export function failIfAsk(ctx: Context, delivery: DeliveryRecord, text: string): void {
  const ask = delivery.kind === "ask" ? ctx.tx.asks.get(delivery.message) : undefined;
  if (ask?.state === "open") failAsk(ctx, ask, "refused", text);
}

/** What is held anywhere, in acceptance order. */
export const heldDeliveries = (ctx: Context): DeliveryRecord[] => ctx.tx.deliveries.allInStates(["held"]);

/** Lets one held message through, past the gate, for good; the next one is held again. */
export function release(ctx: Context, delivery: DeliveryRecord, by: string): DeliveryRecord {
  const queued = move(ctx, checkOurs(delivery), "queued", { released_by: by }, { released_by: by });
  stir(ctx, delivery.peer);
  return queued;
}

/** Sends one held message back, with a person's reason for its sender. */
export function refuseHeld(
  ctx: Context,
  delivery: DeliveryRecord,
  recipient: PeerRecord,
  reason: string | undefined,
): DeliveryRecord {
  const why = reason ?? "a person decided so";
  const refused = move(ctx, checkOurs(delivery), "refused", { reason: why });
  failIfAsk(ctx, refused, `A person refused it for ${recipient.name}: ${why}.`);
  return refused;
}

function checkOurs(delivery: DeliveryRecord): DeliveryRecord {
  if (isOurHold(delivery)) return delivery;
  throw new RepowireError(
    "invalid_input",
    `${delivery.handle} is held by its recipient's own runtime (${delivery.reason ?? "no reason given"}); decide it there.`,
  );
}
