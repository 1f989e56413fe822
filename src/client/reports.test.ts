import { expect, test } from "bun:test";
import type { Report } from "../protocol/index.ts";
import { createReports } from "./reports.ts";

const seen = (n: number): Report => ({ type: "seen", message: `msg_${n}`, by: "test" });
const names = (batch: readonly { report: Report }[]) =>
  batch.map(({ report }) => ("message" in report ? report.message : report.type));

function filled(count: number) {
  const reports = createReports();
  for (let n = 1; n <= count; n++) reports.add(seen(n));
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
  reports.add(seen(4));
  reports.add(seen(5));
  expect(names(reports.next(10))).toEqual(["msg_4", "msg_5"]);
});
