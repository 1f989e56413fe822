import { type DaemonAddress, httpMesh } from "../../client/index.ts";
import { bad, type Finding, ok, warn } from "../../platform/checks/finding.ts";
import { asRepowireError, type Health } from "../../protocol/index.ts";
import { cleanLine, duration } from "../../words/index.ts";

const MEND = "mend on_waiting in config.yaml, restart the daemon, then: repowire doctor --notify";

/** What the daemon says of `on_waiting`; nothing where none is configured. */
export function lookAtNotifier({ parts, counts }: Health): Finding[] {
  const said = parts?.notifier?.detail;
  if (said === undefined) return [];
  const found = `on_waiting: ${cleanLine(said)}`;
  return [(counts?.notifier_failing ?? 0) > 0 ? warn("notifier", found, MEND) : ok("notifier", found)];
}

export async function tryNotifier(address: DaemonAddress): Promise<Finding[]> {
  try {
    const { ms, failure } = await httpMesh(address).try_notifier({});
    return [
      failure === undefined
        ? ok("notifier", `on_waiting ran, and ended well after ${duration(ms)}`)
        : bad("notifier", `on_waiting ${cleanLine(failure)}`, MEND),
    ];
  } catch (error) {
    return [warn("notifier", asRepowireError(error).message, "docs/setup.md says what on_waiting is given")];
  }
}
