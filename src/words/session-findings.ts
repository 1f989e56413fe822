import type { Finding, OperationOutput, Peer, Runtime } from "../protocol/index.ts";
import { cleanLine } from "./clean.ts";
import { duration } from "./numbers.ts";

type Probe = OperationOutput<"probe">["probes"][number];

/** Their sessions tell what happens in them through hooks. */
const HOOKED: readonly Runtime[] = ["claude-code", "gemini"];

/** What each live session's signs of life say: the ways into it, and whether its hooks fire. */
export function sessionFindings(live: readonly Peer[], probes: readonly Probe[]): Finding[] {
  if (live.length === 0) return [ok("sessions", "none is open; they join as they start")];
  return live.flatMap((peer) => [
    ...probes.filter((probe) => probe.peer_id === peer.id).map(probed),
    ...lookAtOne(peer, probes),
  ]);
}

export const isLiveSession = (peer: Peer): boolean => peer.role === "agent" && peer.presence.state !== "offline";

const ok = (part: string, found: string): Finding => ({ part, level: "ok", found });
const warn = (part: string, found: string, next: string): Finding => ({ part, level: "warn", found, next });
const bad = (part: string, found: string, next: string): Finding => ({ part, level: "bad", found, next });

function probed({ peer, rung, ok: isThere, latency_ms: ms, reason }: Probe): Finding {
  const name = cleanLine(peer);
  return isThere
    ? ok("sessions", `${name} answers over its ${rung} in ${duration(ms ?? 0)}`)
    : bad(
        "sessions",
        `${name} gives no sign of life over its ${rung}: ${cleanLine(reason ?? "no reason")}`,
        `restart that session; if it stays so: repowire daemon logs`,
      );
}

function lookAtOne(peer: Peer, probes: readonly Probe[]): Finding[] {
  const name = cleanLine(peer.name);
  const own = probes.filter((probe) => probe.peer_id === peer.id);
  const findings: Finding[] = [];
  if (own.length === 0 && peer.delivery?.rung !== "hook")
    findings.push(
      warn(
        "sessions",
        `there is no way to push anything to ${name}: it reads its mail when it uses a tool`,
        "repowire status says what its CLI lacks",
      ),
    );
  if (HOOKED.includes(peer.runtime) && own.length > 0 && !own.some((probe) => probe.gives_receipts))
    findings.push(
      warn(
        "hooks",
        `no hook of ${name} has been heard since the daemon started`,
        `send it a prompt; if it stays so: repowire setup ${peer.runtime}, then restart it`,
      ),
    );
  return findings;
}
