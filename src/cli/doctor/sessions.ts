import { type DaemonAddress, httpMesh } from "../../client/index.ts";
import { asRepowireError, type Mesh, type OperationOutput, type Peer, type Runtime } from "../../protocol/index.ts";
import { cleanLine, duration } from "../../words/index.ts";
import { bad, type Finding, ok, warn } from "./finding.ts";

type Probe = OperationOutput<"probe">["probes"][number];

/** Their sessions tell what happens in them through hooks. */
const HOOKED: readonly Runtime[] = ["claude-code", "gemini"];

/** Every live session: a sign of life over each way into it, and whether its hooks fire. */
export async function lookAtSessions(address: DaemonAddress): Promise<Finding[]> {
  const mesh = httpMesh(address);
  const { peers } = await mesh.peers({});
  const live = peers.filter((peer) => peer.role === "agent" && peer.presence.state !== "offline");
  if (live.length === 0) return [ok("sessions", "none is open; they join as they start")];
  const tried = await tryWays(mesh);
  if ("refused" in tried)
    return [
      warn(
        "sessions",
        `${live.length} open; the ways into them were not tried: ${tried.refused}`,
        "run it in a terminal of your own",
      ),
    ];
  return live.flatMap((peer) => [
    ...tried.probes.filter((probe) => probe.peer_id === peer.id).map(probed),
    ...lookAtOne(peer, tried.probes),
  ]);
}

async function tryWays(mesh: Mesh): Promise<{ probes: Probe[] } | { refused: string }> {
  try {
    return await mesh.probe({});
  } catch (error) {
    const refusal = asRepowireError(error);
    if (refusal.code !== "forbidden" && refusal.code !== "human_required") throw error;
    return { refused: refusal.message };
  }
}

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
