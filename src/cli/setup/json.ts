import { VERSION } from "../../protocol/index.ts";
import type { FilePlan } from "../../setup/edits.ts";
import { LAUNCHERS } from "../../setup/launchers.ts";
import type { RuntimePlan, RuntimeReport, SetupPlan, SetupReport } from "./run.ts";
import { describeEdits } from "./texts.ts";

/** What `setup --json` prints: the plan, and with a report what became of it. */
export function setupJson(plan: SetupPlan, report?: SetupReport): Record<string, unknown> {
  const base = {
    dry_run: report === undefined,
    version: VERSION,
    home: plan.paths.home,
    inbound_without_prompts: plan.inbound,
    not_found: plan.absent.map(({ runtime }) => runtime),
  };
  if (!report) return { ...base, runtimes: plan.runtimes.map((runtime) => runtimeJson(runtime)) };
  const { program } = report;
  return {
    ...base,
    ok: report.ok,
    program: program && {
      name: program.name,
      folder: program.folder,
      is_new: program.isNew,
    },
    old_versions: report.oldVersions && { removed: report.oldVersions.removed, in_use: report.oldVersions.inUse },
    launchers_written: report.launchers.map((launcher) => LAUNCHERS[launcher]),
    runtimes: plan.runtimes.map((runtime) =>
      runtimeJson(
        runtime,
        report.runtimes.find(({ row }) => row === runtime.row),
      ),
    ),
    daemon: report.daemon,
    selftest: report.selftest,
    restart: report.runtimes.flatMap(({ restart }) => restart),
    error: report.error,
  };
}

function runtimeJson(plan: RuntimePlan, report?: RuntimeReport) {
  const { row, cli, notices, problem } = plan;
  return {
    runtime: row.runtime,
    cli,
    notices: notices.map(({ found, next }) => ({ found, next })),
    files: (report ?? plan).files.map(fileJson),
    step: report ? report.step : plan.hasStep ? "open" : undefined,
    error: report?.error ?? (problem && { code: problem.code, detail: problem.message }),
  };
}

function fileJson(file: FilePlan) {
  return {
    file: file.file,
    existed: file.exists,
    changed: file.hasChanges,
    added: describeEdits(file, "missing"),
    updated: describeEdits(file, "outdated"),
    removed: file.obsolete,
  };
}
