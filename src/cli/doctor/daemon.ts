import { type DaemonAddress, ensureDaemon, probeDaemon } from "../../client/index.ts";
import { bad, type Finding, ok, warn } from "../../platform/checks/finding.ts";
import { asRepowireError, type Health, VERSION } from "../../protocol/index.ts";
import { stopDaemon } from "../commands/daemon.ts";
import { lookAtNotifier } from "./notifier.ts";

export interface DaemonLook {
  findings: Finding[];
  address?: DaemonAddress;
  health?: Health;
}

/** The daemon, started if none runs: whether it can start is what there is to know then. */
export async function lookAtDaemon(home: string): Promise<DaemonLook> {
  let address: DaemonAddress;
  try {
    address = await ensureDaemon(home);
  } catch (error) {
    return {
      findings: [bad("daemon", asRepowireError(error).message, "repowire daemon run, to see it in this terminal")],
    };
  }
  const from = performance.now();
  const health = await probeDaemon(address);
  const ms = Math.ceil(performance.now() - from);
  if (!health) return { findings: [bad("daemon", "it ended while it was looked at", "repowire daemon logs")] };
  const findings = [ok("daemon", `process ${health.pid} on http://127.0.0.1:${address.port}, answers in ${ms} ms`)];
  if (health.version !== VERSION) findings.push(otherVersion(home, health));
  for (const [name, part] of Object.entries(health.parts ?? {}))
    if (!part.ok)
      findings.push(bad("daemon", `its ${name} is not well: ${part.detail ?? "no detail"}`, "repowire daemon logs"));
  if ((health.counts?.mismatches ?? 0) > 0) {
    const [found, next] = (health.parts?.truth?.detail ?? "").split(". Next: ");
    findings.push(warn("mismatches", found || `${health.counts?.mismatches} deliveries`, next ?? "repowire status"));
  }
  findings.push(...lookAtNotifier(health));
  return { findings, address, health };
}

function otherVersion(home: string, health: Health): Finding {
  return {
    ...bad(
      "daemon",
      `it is repowire ${health.version}, this command ${VERSION}`,
      "repowire daemon stop; it starts again with this version, and sessions come back by themselves",
    ),
    fix: {
      what: "restart the daemon with this version",
      run: async () => {
        await stopDaemon(home, { comesBack: true });
        await ensureDaemon(home);
      },
    },
  };
}
