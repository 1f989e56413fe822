import { describe, expect, test } from "bun:test";
import { type Envelope, LIMITS } from "../protocol/index.ts";
import { createDeliveries } from "./deliveries.ts";
import { createReports } from "./reports.ts";

const item = (n: number) => ({ message: `msg_${n}`, attempt: 1, cursor: n }) as unknown as Envelope; // all that is looked at

describe("what a link received", () => {
  test("is reported again after a reconnect, however much a mailbox can hold", async () => {
    const deliveries = createDeliveries(async (items) =>
      items.map(({ message, attempt }) => ({ message, attempt, outcome: "presented" as const })),
    );
    await deliveries.take(Array.from({ length: LIMITS.mailboxLengthMax }, (_, n) => item(n)));
    expect(deliveries.recentResults()).toHaveLength(LIMITS.mailboxLengthMax);
  });
});

describe("a report that the daemon could not store", () => {
  test("is next again, before those that came later", () => {
    const reports = createReports();
    reports.add({ type: "turn_started" });
    const [first] = reports.next(10);
    reports.add({ type: "turn_ended" });
    expect(reports.next(10)).toEqual([]);
    reports.refused();
    expect(reports.next(10).map(({ report }) => report.type)).toEqual(["turn_started", "turn_ended"]);
    reports.acknowledge(first ? [first] : []);
    expect(reports.next(10).map(({ report }) => report.type)).toEqual(["turn_ended"]);
  });
});
