import type { Report } from "../protocol/index.ts";

export interface NumberedReport {
  id: number;
  report: Report;
}

/** What happened in the session, kept in order until the daemon has acknowledged it. */
export interface Reports {
  add(report: Report): void;
  /** Adds reports ahead of the others that may have been lost with a connection, and what the session was last seen doing. */
  repeat(reports: Report[]): void;
  next(max: number): NumberedReport[];
  /** The batch under way was not taken: it is next again. */
  refused(): void;
  acknowledge(batch: readonly NumberedReport[]): void;
  readonly size: number;
}

/** More than a session can produce while a daemon restarts; beyond it the oldest go. */
const KEPT_MAX = 5_000;

/** What the session does now: a daemon that was replaced does not know it, and the last of these still holds. */
const ACTIVITY: readonly Report["type"][] = ["turn_started", "turn_ended", "waiting"];

export function createReports(): Reports {
  let kept: NumberedReport[] = [];
  let nextId = 1;
  const number = (report: Report): NumberedReport => ({ id: nextId++, report });
  let inFlight = 0;
  let activity: Report | undefined;
  return {
    add(report) {
      kept = [...kept, number(report)].slice(-KEPT_MAX);
      if (ACTIVITY.includes(report.type)) activity = report;
    },
    repeat(reports) {
      const isTold = kept.some(({ report }) => ACTIVITY.includes(report.type));
      kept = [...[...reports, ...(activity && !isTold ? [activity] : [])].map(number), ...kept];
      inFlight = 0;
    },
    next(max) {
      if (inFlight > 0) return [];
      const batch = kept.slice(0, max);
      inFlight = batch.length;
      return batch;
    },
    refused() {
      inFlight = 0;
    },
    acknowledge(batch) {
      const done = new Set(batch.map((entry) => entry.id));
      kept = kept.filter((entry) => !done.has(entry.id));
      inFlight = 0;
    },
    get size() {
      return kept.length;
    },
  };
}
