import { createParser } from "eventsource-parser";
import {
  type CallOptions,
  ERRORS,
  HTTP_PATHS,
  type Mesh,
  MeshEvent,
  OPERATION_NAMES,
  PID_HEADER,
  Problem,
  RepowireError,
} from "../protocol/index.ts";
import { type DaemonAddress, httpUrl } from "./locate.ts";

/** The operations over HTTP, for callers that come and go (the CLI). Errors are those of the daemon, as `RepowireError`. */
export function httpMesh(address: DaemonAddress): Mesh {
  return Object.fromEntries(
    OPERATION_NAMES.map((name) => [
      name,
      (input: unknown, options?: CallOptions) => post(address, HTTP_PATHS.operation(name), input, options?.signal),
    ]),
  ) as unknown as Mesh; // the daemon answers each name with its own output type
}

function headers(address: DaemonAddress): Record<string, string> {
  return { authorization: `Bearer ${address.token}`, [PID_HEADER]: String(process.pid) };
}

async function post(address: DaemonAddress, path: string, body: unknown, signal?: AbortSignal): Promise<unknown> {
  const response = await reach(httpUrl(address, path), {
    method: "POST",
    headers: { ...headers(address), "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });
  return response.json();
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    // An ask may wait longer than fetch's own limit.
    response = await fetch(url, { ...init, timeout: false } as RequestInit);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new RepowireError("unavailable", "The repowire daemon does not answer. `repowire daemon status` says more.");
  }
  if (response.ok) return response;
  throw await problemOf(response);
}

async function problemOf(response: Response): Promise<RepowireError> {
  const problem = Problem.safeParse(await response.json().catch(() => undefined));
  if (problem.success && Object.hasOwn(ERRORS, problem.data.code))
    return new RepowireError(problem.data.code, problem.data.detail);
  return new RepowireError(
    "unavailable",
    `Something that is not repowire answers on that port (HTTP ${response.status}).`,
  );
}

/** Committed events after a cursor, then live ones, across reconnects; ends with the signal. */
export async function* eventStream(
  locate: () => Promise<DaemonAddress>,
  options: { after?: number; signal: AbortSignal },
): AsyncGenerator<MeshEvent> {
  let cursor = options.after;
  while (!options.signal.aborted) {
    try {
      const address = await locate();
      const query = cursor === undefined ? "" : `?after=${cursor}`;
      const response = await reach(httpUrl(address, HTTP_PATHS.events) + query, {
        headers: { ...headers(address), accept: "text/event-stream" },
        signal: options.signal,
      });
      for await (const event of parseEvents(response)) {
        cursor = event.seq;
        yield event;
      }
    } catch (error) {
      if (options.signal.aborted) return;
      if (error instanceof RepowireError && !error.retryable) throw error;
    }
    await Bun.sleep(500);
  }
}

async function* parseEvents(response: Response): AsyncGenerator<MeshEvent> {
  let ready: MeshEvent[] = [];
  const parser = createParser({ onEvent: (message) => void ready.push(MeshEvent.parse(JSON.parse(message.data))) });
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    const events = ready;
    ready = [];
    yield* events;
  }
}
