import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";

/** A real daemon with one to be harmed, a peer of theirs, and one who tries. */
export interface Cast extends AsyncDisposable {
  daemon: DaemonProcess;
  victim: FakeSession;
  friend: FakeSession;
  mallory: FakeSession;
}

export async function cast(): Promise<Cast> {
  const daemon = await daemonProcess();
  const start = (name: string) => fakeSession(daemon.sandbox, name);
  const sessions = await Promise.all([start("victim"), start("friend"), start("mallory")]);
  const [victim, friend, mallory] = sessions;
  return {
    daemon,
    victim,
    friend,
    mallory,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) await session[Symbol.asyncDispose]();
      await daemon[Symbol.asyncDispose]();
    },
  };
}
