import { type DaemonAddress, httpMesh } from "../../client/index.ts";
import { type Finding, warn } from "../../platform/checks/finding.ts";
import { asRepowireError, type Mesh, type OperationOutput } from "../../protocol/index.ts";
import { isLiveSession, sessionFindings } from "../../words/index.ts";

type Probe = OperationOutput<"probe">["probes"][number];

/** Every live session: a sign of life over each way into it, and whether its hooks fire. */
export async function lookAtSessions(address: DaemonAddress): Promise<Finding[]> {
  const mesh = httpMesh(address);
  const { peers } = await mesh.peers({});
  const live = peers.filter(isLiveSession);
  if (live.length === 0) return sessionFindings(live, []);
  const tried = await tryWays(mesh);
  if ("refused" in tried)
    return [
      warn(
        "sessions",
        `${live.length} open; the ways into them were not tried: ${tried.refused}`,
        "run it in a terminal of your own",
      ),
    ];
  return sessionFindings(live, tried.probes);
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
