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
