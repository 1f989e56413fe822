import { connectLink, type Link, type LinkOptions, linkUrl, locateDaemon } from "../../src/client/index.ts";
import { instanceOf } from "../../src/platform/process.ts";
import type { DeliverResult, Envelope, MessageId, SessionClaim } from "../../src/protocol/index.ts";
import { until } from "./until.ts";

/** A session of this very process on a real link; `key` tells several of one process apart. */
export interface LinkSession extends Disposable {
  readonly link: Link;
  /** Everything that was handed over, in order. */
  readonly received: Envelope[];
  /** The states that the link went through. */
  readonly states: string[];
  /** The first message with this text, as soon as it was handed over. */
  got(body: string): Promise<Envelope>;
}

export interface LinkSessionOptions extends Partial<Pick<LinkOptions, "onDeliver" | "onVerdict" | "locate">> {
  claim?: Partial<SessionClaim>;
}

/** What a session of this process says of itself. */
export function ownClaim(name: string, path: string): SessionClaim {
  const instance = instanceOf(process.pid);
  if (!instance) throw new Error("this process is not in the process table");
  return { runtime: "memory", process: instance, link_pid: process.pid, key: name, path: `${path}/${name}`, name };
}

export async function linkSession(home: string, name: string, options: LinkSessionOptions = {}): Promise<LinkSession> {
  const received: Envelope[] = [];
  const states: string[] = [];
  const link = connectLink({
    locate: async () => {
      const address = locateDaemon(home);
      if (!address) throw new Error("no daemon");
      return { url: linkUrl(address), token: address.token };
    },
    session: () => ({ ...ownClaim(name, home), ...options.claim }),
    client: { name: "test", version: "1" },
    capabilities: ["relay_permissions"],
    onDeliver: async (items) => {
      received.push(...items);
      return options.onDeliver ? options.onDeliver(items) : items.map(presented);
    },
    onVerdict: options.onVerdict,
    onState: (state) => states.push(state),
    timing: { reconnectMinMs: 20, reconnectMaxMs: 100 },
    ...(options.locate ? { locate: options.locate } : {}),
  });
  await link.welcomed;
  link.ready();
  return {
    link,
    received,
    states,
    got: (body) => until(() => received.find((item) => item.body === body), `"${body}" at ${name}`),
    [Symbol.dispose]: () => link.close(),
  };
}

export function presented(item: { message: MessageId; attempt: number }): DeliverResult {
  return { message: item.message, attempt: item.attempt, outcome: "presented" };
}
