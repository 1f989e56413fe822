import { VERSION } from "../../protocol/index.ts";
import type { FilePlan } from "../../setup/edits.ts";
import { LAUNCHERS } from "../../setup/launchers.ts";
import type { SetupPlan, SetupReport } from "./run.ts";
import { describeEdits } from "./texts.ts";

/** What `setup --json` prints: the plan, and with a report what became of it. */
export function setupJson(plan: SetupPlan, report?: SetupReport): Record<string, unknown> {
  const base = {
    dry_run: report === undefined,
    runtime: "claude-code",
    version: VERSION,
    home: plan.paths.home,
    claude: plan.cli,
    inbound_without_prompts: plan.inbound,
    notices: plan.notices.map(({ found, next }) => ({ found, next })),
  };
  if (!report) return { ...base, files: plan.edits.map(fileJson) };
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
    files: report.files.map(fileJson),
    daemon: report.daemon,
    selftest: report.selftest,
    restart: report.restart,
    error: report.error,
  };
}

function fileJson(file: FilePlan) {
  return {
    file: file.file,
    existed: file.exists,
    changed: file.hasChanges,
    added: describeEdits(file.edits, "missing"),
    updated: describeEdits(file.edits, "outdated"),
    removed: file.obsolete,
  };
}
