import type { Engine } from "../core/index.ts";
import type { DaemonView } from "../operations/types.ts";
import { lookAtDatabase } from "../platform/checks/database.ts";
import { lookAtDisk, lookAtFiles, lookAtSpool } from "../platform/checks/files.ts";
import { bad, type Finding, ok, warn } from "../platform/checks/finding.ts";
import { lookAtTmux } from "../platform/checks/machine.ts";
import { readLogTail } from "../platform/log-tail.ts";
import type { HomePaths } from "../platform/paths.ts";
import { LIMITS, type Sample, VERSION } from "../protocol/index.ts";
import { isLiveSession, sessionFindings } from "../words/index.ts";
import type { PartCheck } from "./health.ts";
import type { Sampler } from "./metrics/samples.ts";

export interface SelfViewParts {
  paths: HomePaths;
  startedAt: number;
  sampler: Sampler;
  checks(): Record<string, PartCheck>;
  mismatches(): number;
}

/** What the daemon says of itself to a person who is not at a terminal. */
export function createSelfView(parts: SelfViewParts): DaemonView {
  const { home, daemonLog } = parts.paths;
  return {
    async findings(online, probes) {
      const found: Finding[] = [
        ...lookAtFiles(home),
        ...lookAtDisk(home),
        ...lookAtParts(parts),
        ...lookAtDatabase(home, Date.now(), false),
        ...lookAtSpool(home),
        ...(await lookAtTmux(process.env)),
        ...sessionFindings(online.filter(isLiveSession), probes),
      ];
      // What a fix does is the command line's; here it is said only.
      return found.map(({ fix: _fix, ...finding }) => finding);
    },
    samples: () => ({ every_ms: LIMITS.sampleMs, samples: parts.sampler.all() }),
    log: (cursor) => readLogTail(daemonLog, cursor),
  };
}

function lookAtParts({ checks, mismatches, startedAt }: SelfViewParts): Finding[] {
  const unwell = Object.entries(checks()).flatMap(([name, check]) => {
    const { ok: isWell, detail } = check();
    return isWell ? [] : [bad("daemon", `its ${name} is not well: ${detail ?? "no detail"}`, "see its log below")];
  });
  const minutes = Math.floor((Date.now() - startedAt) / 60_000);
  const count = mismatches();
  return [
    ...(unwell.length > 0 ? unwell : [ok("daemon", `repowire ${VERSION}, process ${process.pid}, up ${minutes} min`)]),
    ...(count > 0
      ? [
          warn(
            "mismatches",
            `${count} ${count === 1 ? "delivery differs" : "deliveries differ"} from what their sessions' records show`,
            "look at each of them below, with its trace",
          ),
        ]
      : []),
  ];
}

/** How it stands at this instant. */
export function levelsOf(
  engine: Engine,
  counts: () => { waits: number; links: number },
): Pick<Sample, "open_asks" | "waiting_calls" | "links" | "memory_bytes"> {
  const { waits, links } = counts();
  const asks = engine.read(({ tx }) => tx.peers.all().reduce((sum, { id }) => sum + tx.asks.openTo(id).length, 0));
  return { open_asks: asks, waiting_calls: waits, links, memory_bytes: process.memoryUsage.rss() };
}
