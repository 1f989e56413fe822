import type { Handler, OperationDeps } from "./types.ts";

/** How the daemon itself is: what it can try by itself, how busy it was, what it wrote down. */

export function examineHandler(
  deps: OperationDeps,
  { peers, probe }: { peers: Handler<"peers">; probe: Handler<"probe"> },
): Handler<"examine"> {
  return async ({ caller, options }) => {
    const { probes } = await probe({ caller, params: {}, options });
    const { peers: online } = await peers({ caller, params: {}, options });
    return { findings: await deps.daemon.findings(online, probes) };
  };
}

export const samplesHandler =
  (deps: OperationDeps): Handler<"samples"> =>
  async () =>
    deps.daemon.samples();

export const daemonLogHandler =
  (deps: OperationDeps): Handler<"daemon_log"> =>
  async ({ params }) =>
    deps.daemon.log(params.cursor);
