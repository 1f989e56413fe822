import type { MessageId, Report } from "../../src/protocol/index.ts";

/**
 * Messages that a tool's result brings to the model: handed over when OpenCode stores the finished call, seen when a later step of
 * the model ends.
 */
export interface Carried {
  add(call: { session: string; callID: string | undefined }, messages: MessageId[]): void;
  onToolDone(session: string, callID: string | undefined, message: string): void;
  /** A step of this assistant message ended. */
  onStep(session: string, message: string): void;
}

const KEPT_MAX = 200;

export function createCarried(report: (report: Report) => void): Carried {
  let running: { session: string; callID: string | undefined; messages: MessageId[] }[] = [];
  let written: { session: string; by: string; messages: MessageId[] }[] = [];
  return {
    add({ session, callID }, messages) {
      running = [...running, { session, callID, messages }].slice(-KEPT_MAX);
    },
    onToolDone(session, callID, message) {
      const done = running.filter((call) => call.session === session && call.callID === callID);
      running = running.filter((call) => !done.includes(call));
      for (const { messages } of done) {
        for (const carried of messages) report({ type: "result_written", message: carried });
        written = [...written, { session, by: message, messages }].slice(-KEPT_MAX);
      }
    },
    onStep(session, message) {
      // The step that made the call ends after the call: only another message's step has read its result.
      const read = written.filter((entry) => entry.session === session && entry.by !== message);
      written = written.filter((entry) => !read.includes(entry));
      for (const carried of read.flatMap((entry) => entry.messages))
        report({ type: "seen", message: carried, by: "model step" });
    },
  };
}
