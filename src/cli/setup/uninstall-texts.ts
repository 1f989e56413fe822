import { styleText } from "node:util";
import type { UndoResult } from "../../setup/undo.ts";
import { sessionLines, tilde } from "./texts.ts";
import type { UninstallPlan, UninstallReport } from "./uninstall.ts";

/** What uninstall says: the plan, what became of it, what is left and why. */

const WILL: Record<UndoResult["outcome"], string> = {
  restored: "gets back its content from before setup, byte for byte",
  deleted: "removed; it was not there before setup",
  taken_out: "only repowire's values are removed",
  gone: "nothing to do",
  left: "stays as it is",
};

const DATA_WILL = {
  keep: "messages, token, config, logs: kept, unless you say otherwise",
  remove: "removed as a whole: messages, token, config, logs",
};

const DID: Record<UndoResult["outcome"], string> = {
  restored: "is as it was before setup, byte for byte",
  deleted: "removed; it was not there before setup",
  taken_out: "has lost repowire's values",
  gone: "had nothing of repowire",
  left: "stays as it is",
};

const withDetail = (text: string, detail: string | undefined): string => (detail ? `${text} (${detail})` : text);

export function uninstallPlanText(plan: UninstallPlan, choice: { removeData?: boolean }): string {
  const { paths } = plan;
  const rows: [string, string][] = plan.files.map((file) => [
    tilde(file.file),
    withDetail(WILL[file.outcome], file.detail),
  ]);
  if (plan.hasProgram) rows.push([tilde(paths.bin), "removed"], [tilde(paths.versions), "removed"]);
  if (plan.service) rows.push([tilde(plan.service), "the service: stopped and removed"]);
  if (plan.daemon !== undefined) rows.push(["the daemon", `stopped (process ${plan.daemon})`]);
  if (plan.hasData) rows.push([tilde(paths.home), DATA_WILL[choice.removeData ? "remove" : "keep"]]);
  const width = Math.max(0, ...rows.map(([place]) => place.length)) + 2;
  const lines = rows.map(([place, what]) => `  ${place.padEnd(width)}${what}`);
  return lines.length > 0
    ? `repowire uninstall${plan.only ? ` ${plan.only.runtime}` : ""}\n\n${lines.join("\n")}`
    : nothingText(plan);
}

export function nothingText(plan: UninstallPlan): string {
  const home = tilde(plan.paths.home);
  if (plan.only) return `Nothing of the repowire in ${home} is in the files of ${plan.only.label}.`;
  return plan.hasData
    ? `repowire is not installed in ${home}. Your messages, token and config are still there; \`repowire uninstall --remove-data\` removes them.`
    : `repowire is not installed in ${home}: there is nothing to remove.`;
}

export function uninstallReportText(plan: UninstallPlan, report: UninstallReport): string {
  const done = (text: string) => `${styleText("green", "✓")} ${text}`;
  const files = report.files.filter((file) => file.outcome !== "left");
  const lines = files.map((file) => done(`${tilde(file.file)} ${withDetail(DID[file.outcome], file.detail)}`));
  if (plan.hasProgram) lines.push(done(`${tilde(plan.paths.bin)} and ${tilde(plan.paths.versions)} removed`));
  if (plan.service) lines.push(done(`${tilde(plan.service)} (the service) removed`));
  if (report.daemon_stopped) lines.push(done("daemon stopped"));
  if (report.data === "removed") lines.push(done(`${tilde(plan.paths.home)} removed`));
  for (const { what, why } of report.left) lines.push(`${styleText("yellow", "•")} left: ${tilde(what)}: ${why}`);
  const sessions =
    plan.sessions.length > 0
      ? `\n\nThese sessions started with repowire; until they are restarted their hooks say "not found":\n${sessionLines(plan.sessions)}`
      : "";
  return lines.join("\n") + sessions;
}
