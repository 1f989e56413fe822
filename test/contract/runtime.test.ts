import { expect, setDefaultTimeout, test } from "bun:test";
import type { AgentSession } from "../agents/driver.ts";
import { CONDITIONS, runCondition, type Stage } from "../agents/matrix/index.ts";
import { daemonProcess } from "../support/daemon-process.ts";
import { memoryAgent } from "../support/memory-agent.ts";
import { until } from "../support/until.ts";

// Real processes, on machines that have other work too.
setDefaultTimeout(60_000);

/** Turns of the in-memory runtime that count as long. */
const LONG_MS = 500;

/**
 * The conformance suite of runtimes, here over the one that needs no agent CLI. `npm run test:agents` runs the same conditions over
 * the real ones.
 */
test.each(CONDITIONS.map((condition) => [condition.name, condition] as const))(
  "memory: %s",
  async (_name, condition) => {
    await using daemon = await daemonProcess();
    const stage: Stage = {
      root: daemon.sandbox.root,
      get mesh() {
        return daemon.mesh;
      },
      trace: (id) => daemon.mesh.trace({ id }),
      until: (what, look, timeoutMs) => until(look, what, timeoutMs),
      killDaemon: async () => void (await daemon.end()),
      startDaemon: () => daemon.start(),
    };
    let session: AgentSession | undefined;
    const broken: string[] = [];
    try {
      await runCondition(
        stage,
        async (options) => {
          session = await memoryAgent(daemon.sandbox, "backend", options);
          return session;
        },
        condition,
        (claim, holds, evidence) => {
          if (!holds) broken.push(`${claim}: ${JSON.stringify(evidence)}`);
        },
        LONG_MS,
      );
      expect(broken).toEqual([]);
    } finally {
      await session?.kill();
    }
  },
);
