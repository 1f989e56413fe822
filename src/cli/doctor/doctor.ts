import { lookAtDatabase } from "../../platform/checks/database.ts";
import { lookAtDisk, lookAtFiles, lookAtSpool } from "../../platform/checks/files.ts";
import { bad, type Finding, ok, warn } from "../../platform/checks/finding.ts";
import { lookAtTmux } from "../../platform/checks/machine.ts";
import { homePaths } from "../../platform/paths.ts";
import { duration } from "../../words/index.ts";
import { runSelfTest } from "../setup/selftest.ts";
import { collectStatus, type Status } from "../setup/status.ts";
import { lookAtDaemon } from "./daemon.ts";
import { tryNotifier } from "./notifier.ts";
import { lookAtSessions } from "./sessions.ts";

/** Looks at every part, one after the other: what one does must not disturb the figures of another. */
export async function examine(home: string, options: { notify?: boolean } = {}): Promise<Finding[]> {
  const findings = [...lookAtFiles(home), ...lookAtDisk(home)];
  const { findings: ofDaemon, address } = await lookAtDaemon(home);
  findings.push(...ofDaemon, ...lookAtDatabase(home, Date.now(), true), ...lookAtSpool(home));
  if (address && options.notify) findings.push(...(await tryNotifier(address)));
  findings.push(...(await lookAtTmux(process.env)));
  const status = await collectStatus(home);
  findings.push(...ofSetup(status));
  if (!address) return findings;
  findings.push(...(await lookAtSessions(address)));
  if (status.program.installed) {
    const test = await runSelfTest(homePaths(home).cliLauncher, address);
    findings.push(
      test.ok
        ? ok(
            "self-test",
            `a question was asked and answered through the installed program in ${duration(test.elapsed_ms)}`,
          )
        : bad("self-test", test.failure, test.next),
    );
  }
  return findings;
}

/** Each agent CLI with its parts, and what `repowire status` would advise. */
function ofSetup(status: Status): Finding[] {
  const found = status.runtimes.flatMap(({ cli, label, installed }) =>
    cli
      ? [ok("agent CLIs", `${label} ${cli.version ?? "of unknown version"}, ${installed ? "set up" : "not set up"}`)]
      : [],
  );
  // The daemon is looked at by itself.
  const advice = status.advice.filter(({ of }) => of !== "daemon");
  return [
    ...(status.config.error ? [bad("config", status.config.error, `mend ${status.config.file}`)] : []),
    ...found,
    ...advice.map(({ of, found: what, next }) =>
      of === "broken" ? bad("setup", what, next) : warn("setup", what, next),
    ),
  ];
}
