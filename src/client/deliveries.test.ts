import { describe, expect, test } from "bun:test";
import { type Envelope, LIMITS } from "../protocol/index.ts";
import { createDeliveries } from "./deliveries.ts";

// Only these fields are looked at here.
const item = (message: string, attempt = 1) => ({ message, attempt, cursor: 1 }) as Envelope;

describe("what a link received", () => {
  test("is reported again after a reconnect, however much a mailbox can hold", async () => {
    const deliveries = createDeliveries(async (items) =>
      items.map(({ message, attempt }) => ({ message, attempt, outcome: "presented" as const })),
    );
    await deliveries.take(Array.from({ length: LIMITS.mailboxLengthMax }, (_, n) => item(`msg_${n}`)));
    expect(deliveries.recentResults()).toHaveLength(LIMITS.mailboxLengthMax);
  });
});

test("a reason that is too long for the wire is shortened, so that it cannot spoil the results beside it", async () => {
  const deliveries = createDeliveries(async () => {
    throw new Error("x".repeat(2 * LIMITS.reasonCharsMax));
  });
  const [result] = await deliveries.take([item("msg_1")]);
  expect(result?.outcome).toBe("unreachable");
  expect(result?.reason?.length).toBeLessThanOrEqual(LIMITS.reasonCharsMax);
});

// @req repeats.never-provable
test("an attempt that arrives twice is handed to the session once, and its result told twice", async () => {
  const handed: string[] = [];
  const deliveries = createDeliveries(async (items) =>
    items.map(({ message, attempt }) => {
      handed.push(`${message}/${attempt}`);
      return { message, attempt, outcome: "presented" as const };
    }),
  );
  const first = await deliveries.take([item("msg_1")]);
  expect(await deliveries.take([item("msg_1")])).toEqual(first);
  await deliveries.take([item("msg_1", 2)]);
  expect(handed).toEqual(["msg_1/1", "msg_1/2"]);
});
