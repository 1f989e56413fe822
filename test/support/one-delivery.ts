import type { Context } from "../../src/core/context.ts";
import type { DeliveryRecord } from "../../src/core/ports.ts";
import { createMesh } from "./mesh-harness.ts";
import { deliveryRecord, messageRecord } from "./records.ts";

/** A recipient with one delivery in the given state, and a way to decide something about it. */
export async function withDelivery(change: Partial<DeliveryRecord>) {
  const mesh = createMesh();
  const sender = await mesh.join("frontend");
  const peer = await mesh.join("backend");
  const message = messageRecord(1, { from: sender, to: peer });
  const delivery = deliveryRecord(1, { peer, from: sender, ...change });
  await mesh.decide((ctx) => {
    ctx.tx.messages.insert(message);
    ctx.tx.deliveries.put(delivery);
  });
  const decide = (body: (ctx: Context, delivery: DeliveryRecord) => DeliveryRecord) =>
    mesh.decide((ctx) => body(ctx, mesh.delivery(message.id, peer)));
  return { mesh, peer, message: message.id, decide, stored: () => mesh.delivery(message.id, peer) };
}
