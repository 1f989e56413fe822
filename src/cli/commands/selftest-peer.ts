import { Command } from "@commander-js/extra-typings";
import { connectLink, findDaemon, linkUrl, notRunning } from "../../client/index.ts";
import { instanceOf } from "../../platform/process.ts";
import { type Envelope, RepowireError, type SessionClaim, VERSION } from "../../protocol/index.ts";
import type { CliContext } from "../context.ts";
import { printJson } from "../output.ts";

/**
 * The other side of setup's self-test: a peer that answers every question with the question's own text. It lives as long as its
 * stdin is open; its seat is gone with it.
 */
export function selftestPeerCommand(context: CliContext) {
  return new Command("selftest-peer")
    .description("a peer for the self-test of `repowire setup`")
    .argument("<name>", "its name in the mesh")
    .option("--circle <name>", "its circle")
    .action(async (name, options) => {
      const link = connectLink({
        locate: async () => {
          const address = await findDaemon(context.home);
          if (!address) throw notRunning();
          return { url: linkUrl(address), token: address.token };
        },
        session: () => ownSession(context.home, name, options.circle),
        client: { name: "selftest", version: VERSION },
        capabilities: [],
        onDeliver: async (items) => {
          // After the daemon knows that they arrived.
          setTimeout(() => items.forEach(answer), 0);
          return items.map(({ message, attempt }) => ({ message, attempt, outcome: "presented" }));
        },
      });

      function answer(item: Envelope): void {
        if (item.kind !== "ask") return;
        link.mesh.reply({ id: item.handle, text: item.body }).catch((error: unknown) => {
          process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
        });
      }

      const { peer } = await link.welcomed;
      link.ready();
      printJson({ peer: peer.id, name: peer.name });
      await untilTold();
      link.close();
    });
}

function ownSession(home: string, name: string, circle: string | undefined): SessionClaim {
  const instance = instanceOf(process.pid);
  if (!instance) throw new RepowireError("internal", "This process is not in the process table.");
  return { runtime: "script", process: instance, link_pid: process.pid, path: home, name, circle, temporary: true };
}

/** Until whoever started it closes its stdin, or a signal ends it. */
async function untilTold(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.stdin.on("end", resolve).on("error", () => resolve());
  process.stdin.resume();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => resolve());
  await promise;
}
