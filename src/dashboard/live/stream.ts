import { createParser } from "eventsource-parser";
import { HTTP_PATHS } from "../../protocol/endpoints.ts";
import type { MeshEvent } from "../../protocol/index.ts";
import { headers, Refusal, refusalOf } from "./api.ts";

/** The daemon says something every 15 s; silence beyond this is a connection that is dead and does not know it. */
const SILENCE_MS = 40_000;
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5_000;

export interface StreamListeners {
  /** Events in order; each exactly once, across every reconnect. */
  onEvent(event: MeshEvent): void;
  /** It is connected: what was asked for before may have changed meanwhile. `epoch` names the daemon's database. */
  onOpen(epoch: string): void;
  onLost(): void;
  /** The login is not, or no longer, accepted. */
  onRefused(refusal: Refusal): void;
}

/**
 * The event stream with `fetch`, since an `EventSource` can send no header: it resumes behind the last event that it saw. Returns what
 * ends it.
 */
export function followEvents(after: number, listeners: StreamListeners): () => void {
  const ended = new AbortController();
  let cursor = after;
  let wait = RETRY_MIN_MS;

  async function once(): Promise<void> {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    ended.signal.addEventListener("abort", stop, { once: true });
    let timer = setTimeout(stop, SILENCE_MS);
    try {
      const response = await fetch(HTTP_PATHS.events, {
        headers: { ...headers(), accept: "text/event-stream", "last-event-id": String(cursor) },
        signal: attempt.signal,
      });
      if (!response.ok) throw await refusalOf(response);
      listeners.onOpen(response.headers.get("repowire-epoch") ?? "");
      wait = RETRY_MIN_MS;
      const parser = createParser({
        onEvent(message) {
          const event = JSON.parse(message.data) as MeshEvent; // written by the daemon from its own type
          cursor = event.seq;
          listeners.onEvent(event);
        },
      });
      const decoder = new TextDecoder();
      const reader = response.body?.getReader();
      for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
        clearTimeout(timer);
        timer = setTimeout(stop, SILENCE_MS);
        parser.feed(decoder.decode(read.value, { stream: true }));
      }
    } finally {
      clearTimeout(timer);
      ended.signal.removeEventListener("abort", stop);
    }
  }

  async function run(): Promise<void> {
    while (!ended.signal.aborted) {
      try {
        await once();
      } catch (error) {
        if (ended.signal.aborted) return;
        if (error instanceof Refusal && (error.code === "unauthorized" || error.code === "human_required")) {
          listeners.onRefused(error);
          return;
        }
        // Everything else heals by trying again: that is what the loop is for, and `onLost` shows it.
      }
      if (ended.signal.aborted) return;
      listeners.onLost();
      await pause(wait, ended.signal);
      wait = Math.min(wait * 2, RETRY_MAX_MS);
    }
  }

  void run();
  return () => ended.abort();
}

/** Also over when the machine says that it has a network again, or the page is looked at. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      document.removeEventListener("visibilitychange", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    document.addEventListener("visibilitychange", done);
    signal.addEventListener("abort", done);
  });
}
