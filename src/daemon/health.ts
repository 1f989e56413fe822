import type { Engine } from "../core/index.ts";
import { type Health, LIMITS, PROTOCOL_VERSION, VERSION } from "../protocol/index.ts";

/** One part of the daemon that can say how it is. */
export type PartCheck = () => { ok: boolean; detail?: string };

export interface HealthParts {
  instance: string;
  startedAt: number;
  engine: Engine;
  parts: Record<string, PartCheck>;
  counts: () => Record<string, number>;
}

export function createHealth(given: HealthParts) {
  /** Without a credential only that it is there; with one, the truth about each part. */
  return (isTrusted: boolean): Health => {
    const parts = Object.fromEntries(
      Object.entries({ ...given.parts, queue: queueCheck(given.engine) }).map(([name, check]) => [name, check()]),
    );
    const ok = Object.values(parts).every((part) => part.ok);
    const base: Health = {
      ok,
      service: "repowire",
      version: VERSION,
      protocol: PROTOCOL_VERSION,
      instance: given.instance,
      pid: process.pid,
      started_at: given.startedAt,
    };
    return isTrusted ? { ...base, parts, counts: given.counts() } : base;
  };
}

function queueCheck(engine: Engine): PartCheck {
  return () => {
    const { backlog } = engine;
    return backlog < LIMITS.queueMax / 2
      ? { ok: true }
      : { ok: false, detail: `${backlog} requests wait to be stored` };
  };
}
