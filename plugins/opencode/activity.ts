import type { Report } from "../../src/protocol/index.ts";

/** What the sessions of a seat do, told to the mesh as what its current conversation does. */
export interface Activity {
  busy(session: string): void;
  idle(session: string): void;
  isBusy(session: string): boolean;
  /** Waits for its user. */
  wait(session: string, request: string, detail: string): void;
  /** The session of that request, if it waited. */
  waitIsOver(request: string): string | undefined;
  waitsOf(session: string): string[];
  /** Something else was told of the conversation: whatever comes next is news. */
  untold(): void;
  forget(session: string): void;
  /** Says how the conversation stands, where that is news; `again` after a reconnect, when nothing is known there. */
  tell(session: string | undefined, again?: boolean): void;
}

export function createActivity(report: (report: Report) => void): Activity {
  const busy = new Set<string>();
  const waits = new Map<string, { session: string; detail: string }>();
  let told = "";

  function stateOf(session: string): Report {
    const wait = [...waits.values()].find((other) => other.session === session);
    if (wait) return { type: "waiting", detail: wait.detail.slice(0, 200) };
    return { type: busy.has(session) ? "turn_started" : "turn_ended" };
  }

  return {
    busy: (session) => void busy.add(session),
    idle: (session) => void busy.delete(session),
    isBusy: (session) => busy.has(session),
    wait: (session, request, detail) => void waits.set(request, { session, detail }),
    waitIsOver(request) {
      const session = waits.get(request)?.session;
      waits.delete(request);
      return session;
    },
    waitsOf: (session) => [...waits].filter(([, wait]) => wait.session === session).map(([request]) => request),
    untold() {
      told = "";
    },
    forget(session) {
      busy.delete(session);
      for (const [request, wait] of waits) if (wait.session === session) waits.delete(request);
    },
    tell(session, again = false) {
      const state: Report = session === undefined ? { type: "turn_ended" } : stateOf(session);
      const key = JSON.stringify(state);
      if (key === told && !again) return;
      told = key;
      report(state);
    },
  };
}
