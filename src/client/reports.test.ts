import { expect, test } from "bun:test";
import type { MessageId, Report } from "../protocol/index.ts";
import { createReports } from "./reports.ts";

const seen: Report = { type: "seen", message: "msg_1" as MessageId, by: "test" };
const types = (reports: ReturnType<typeof createReports>) => reports.next(10).map(({ report }) => report.type);

test("Reports are kept until acknowledged, one batch at a time", () => {
  const reports = createReports();
  reports.add({ type: "turn_started" });
  reports.add(seen);
  const batch = reports.next(1);
  expect(batch).toMatchObject([{ report: { type: "turn_started" } }]);
  expect(reports.next(1)).toEqual([]);
  // The connection is lost before the acknowledgement.
  reports.repeat([]);
  expect(types(reports)).toEqual(["turn_started", "seen"]);
  reports.acknowledge(batch);
  expect(types(reports)).toEqual(["seen"]);
});

test("What the session does is said again to a daemon that may not know it, unless newer news is on its way", () => {
  const reports = createReports();
  reports.add({ type: "turn_started" });
  reports.acknowledge(reports.next(10));
  reports.repeat([seen]);
  expect(types(reports)).toEqual(["seen", "turn_started"]);
  reports.add({ type: "turn_ended" });
  reports.repeat([]);
  expect(types(reports)).toEqual(["seen", "turn_started", "turn_ended"]);
});

const seenNumber = (n: number): Report => ({ type: "seen", message: `msg_${n}`, by: "test" });
const names = (batch: readonly { report: Report }[]) =>
  batch.map(({ report }) => ("message" in report ? report.message : report.type));

function filled(count: number) {
  const reports = createReports();
  for (let n = 1; n <= count; n++) reports.add(seenNumber(n));
  return reports;
}

// @req delivery.happened-is-recorded
test("what a full disk could not take is offered again, all of it and in order", () => {
  const reports = filled(3);
  reports.refused(reports.next(10), true);
  expect(names(reports.next(10))).toEqual(["msg_1", "msg_2", "msg_3"]);
});

test("one report that will never be taken does not hold up the others", () => {
  const reports = filled(3);
  reports.refused(reports.next(10), false);
  const taken: string[] = [];
  for (let batch = reports.next(10); batch.length > 0; batch = reports.next(10)) {
    expect(batch).toHaveLength(1);
    if (names(batch)[0] === "msg_2") reports.refused(batch, false);
    else {
      taken.push(...names(batch));
      reports.acknowledge(batch);
    }
  }
  expect(taken).toEqual(["msg_1", "msg_3"]);
  reports.add(seenNumber(4));
  reports.add(seenNumber(5));
  expect(names(reports.next(10))).toEqual(["msg_4", "msg_5"]);
});
