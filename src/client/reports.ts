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
  acknowledge(batch: readonly NumberedReport[]): void;
  /**
   * The daemon took nothing of this batch. Where that may change (its disk is full), all of it is offered again. Where it will not,
   * each is offered alone, and one that is refused alone is dropped: it must not hold up what happened after it.
   */
  refused(batch: readonly NumberedReport[], mayChange: boolean): void;
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
  /** So many are still to be offered one by one. */
  let alone = 0;
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
      const batch = kept.slice(0, alone > 0 ? 1 : max);
      inFlight = batch.length;
      return batch;
    },
    acknowledge(batch) {
      const done = new Set(batch.map((entry) => entry.id));
      kept = kept.filter((entry) => !done.has(entry.id));
      alone = Math.max(0, alone - batch.length);
      inFlight = 0;
    },
    refused(batch, mayChange) {
      if (batch.length > 1) alone = mayChange ? alone : batch.length;
      else if (!mayChange) this.acknowledge(batch);
      inFlight = 0;
    },
    get size() {
      return kept.length;
    },
  };
}
