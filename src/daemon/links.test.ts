import { expect, test } from "bun:test";
import { createWaits } from "../operations/index.ts";
import { realClock } from "../platform/clock.ts";
import { CLOSE, staysAway } from "../protocol/index.ts";
import { createDispatcher } from "./dispatcher.ts";
import { createEventHub } from "./hub.ts";
import { createLinkServer, type LinkServerParts, type LinkSocketData } from "./links.ts";

test("A connection that never says hello is closed, with a code that lets it come back", async () => {
  const clock = realClock();
  const dispatcher = createDispatcher({ hub: createEventHub(), waits: createWaits(), clock });
  // Nothing else of the daemon is touched before hello.
  const links = createLinkServer({ dispatcher, clock, helloTimeoutMs: 5 } as unknown as LinkServerParts);
  const closed = Promise.withResolvers<number>();
  const socket = { data: {} as LinkSocketData, close: (code: number) => closed.resolve(code) };
  links.open(socket as unknown as Parameters<typeof links.open>[0]); // the parts of a socket that are used
  expect(await closed.promise).toBe(CLOSE.helloTimeout);
  expect(staysAway(CLOSE.helloTimeout)).toBe(false);
});
