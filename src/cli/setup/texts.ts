import { homedir } from "node:os";
import { styleText } from "node:util";
import { VERSION } from "../../protocol/index.ts";
import type { FilePlan } from "../../setup/edits.ts";
import { CHANNEL_FLAG, LAUNCHERS, launcherPath } from "../../setup/launchers.ts";
import type { RunningSession, SetupNotice } from "../../setup/runtime-setup.ts";
import { RUNTIME_SETUPS } from "../../setup/runtimes.ts";
import { TOOL_NAMES } from "../../setup/tools.ts";
import type { EditState, Part } from "../../setup/values.ts";
import { duration, plural } from "../../words/index.ts";
import { traceText } from "../commands/trace.ts";
import {
  launchersOf,
  type RuntimePlan,
  type RuntimeReport,
  type SetupChoices,
  type SetupPlan,
  type SetupReport,
} from "./run.ts";

/** What setup says: the plan before anything is done, and what became of it. */

/** `~` for the user's home folder, as people write it. */
export function tilde(path: string, home: string = process.env.HOME || homedir()): string {
  return path === home || path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

export function planText(plan: SetupPlan): string {
  const { paths, runtimes, absent } = plan;
  const open = runtimes.filter(({ problem }) => !problem);
  const launchers = launchersOf(
    open.map(({ row }) => row),
    plan,
  );
  const program = `repowire ${VERSION}${plan.installed ? ` (installed now: ${plan.installed})` : ""}`;
  const ours: Row[] = [
    [tilde(paths.versions), [program]],
    [tilde(paths.bin), [launchers.map((launcher) => LAUNCHERS[launcher]).join(", ")]],
  ];
  const blocks = runtimes.map((runtime) => ({ runtime, rows: runtime.files.map(fileRow) }));
  const width = widthOf([...ours, ...blocks.flatMap(({ rows }) => rows)]);
  return [
    ["repowire itself", ...rowLines(ours, width)].join("\n"),
    ...blocks.map(({ runtime, rows }) => runtimeText(runtime, rowLines(rows, width))),
    ...(absent.length > 0 ? [`Not on this machine: ${absent.map(({ label }) => label).join(", ")}`] : []),
    `The tools: ${TOOL_NAMES.join(", ")}. None of them starts, ends or approves anything.`,
    `All of it can be taken back with: ${tilde(paths.cliLauncher)} uninstall`,
  ].join("\n\n");
}

type Row = readonly [place: string, what: string[]];

const widthOf = (rows: readonly Row[]): number => Math.max(0, ...rows.map(([place]) => place.length)) + 2;

const rowLines = (rows: readonly Row[], width: number): string[] =>
  rows.flatMap(([place, what]) =>
    what
      .flatMap((line) => wrapped(line, columns() - width - 2))
      .map((line, index) => `  ${(index === 0 ? place : "").padEnd(width)}${line}`),
  );

/** Where this goes into a file or a pipe, lines are as long as they are. */
const columns = (): number => process.stdout.columns || Number.POSITIVE_INFINITY;

/** Broken between words; what goes on is indented. */
function wrapped(line: string, width: number): string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width && width > 20) {
    const at = rest.lastIndexOf(" ", width);
    if (at <= 2) break;
    lines.push(rest.slice(0, at));
    rest = `  ${rest.slice(at + 1)}`;
  }
  return [...lines, rest];
}

function runtimeText({ row, cli, problem, hasStep }: RuntimePlan, lines: string[]): string {
  const title = `${row.label} ${cli.version ?? "(gave no version)"}, ${tilde(cli.path)}`;
  if (problem) return `${title}\n  ${styleText("red", "✗")} left as it is: ${problem.message}`;
  return [title, ...lines, ...(hasStep && row.step ? [`  ${row.step.what}`] : [])].join("\n");
}

function fileRow(file: FilePlan): Row {
  return [tilde(file.file), fileLines(file)];
}

function fileLines(file: FilePlan): string[] {
  const lines = (["missing", "outdated"] as const).flatMap((state) => {
    const sign = state === "missing" ? "add" : "update";
    return describeEdits(file, state).map((what) => `${sign} ${what}`);
  });
  if (file.obsolete > 0) lines.push(`remove ${plural(file.obsolete, "value")} that repowire no longer needs`);
  if (lines.length === 0) return ["all there already"];
  return file.exists ? lines : lines.map((line, index) => (index === 0 ? `new file: ${line}` : line));
}

/** What of a file is in this state, in the words of a plan. */
export function describeEdits({ edits, own }: Pick<FilePlan, "edits" | "own">, state: EditState): string[] {
  const labels = (part: Part) =>
    edits.filter((entry) => entry.state === state && entry.edit.part === part).map(({ edit }) => edit.label);
  const [hooks, tools] = [labels("hooks"), labels("tools")];
  return [
    ...labels("server").map((name) => `MCP server "${name}"`),
    ...(hooks.length > 0 ? [`hooks for ${hooks.join(", ")}`] : []),
    ...(tools.length > 0 ? [`permission for ${plural(tools.length, "tool")}`] : []),
    ...labels("screen").map((name) => `entry for the ${name}`),
    ...(own?.state === state ? [own.what] : []),
  ];
}

export function noticeText(notices: readonly SetupNotice[]): string {
  return notices.map(({ found, next }) => `! ${found}. Next: ${next}.`).join("\n");
}

const done = (text: string): string => `${styleText("green", "✓")} ${text}`;
const notDone = (text: string): string => `${styleText("red", "✗")} ${text}`;

export function reportText(plan: SetupPlan, choices: SetupChoices, report: SetupReport): string {
  const lines: string[] = [];
  const { program, daemon, selftest } = report;
  if (program) lines.push(done(`${program.isNew ? "installed" : "already installed"}: ${tilde(program.folder)}`));
  for (const { name, pids } of report.oldVersions?.inUse ?? [])
    lines.push(
      `  ${name} stays while sessions use it (${plural(pids.length, "process", "processes")}); they work on as they are`,
    );
  for (const runtime of report.runtimes) lines.push(...runtimeLines(runtime));
  if (choices.inbound) lines.push(done(`${tilde(plan.paths.config)}: inbound_without_prompts: ${choices.inbound}`));
  if (daemon) lines.push(done(`daemon ${DAEMON_WORDS[daemon.how]} on http://127.0.0.1:${daemon.port}`));
  if (selftest?.ok) {
    lines.push(done(`self-test: a question was asked and answered in ${duration(selftest.elapsed_ms)}`));
    lines.push(indent(traceText(selftest.trace).split("\n").slice(0, 2).join("\n")));
  } else if (selftest) lines.push(notDone(`self-test: ${selftest.failure}. Next: ${selftest.next}.`));
  if (report.error) lines.push(notDone(report.error.detail));
  return lines.join("\n");
}

function runtimeLines({ row, files, step, error }: RuntimeReport): string[] {
  const lines = files.map((file) =>
    done(
      file.hasChanges
        ? `${tilde(file.file)} ${file.own ? "written" : "edited"}`
        : `${tilde(file.file)} has everything already`,
    ),
  );
  if (step === "taken" && row.step) lines.push(done(`${row.label}: ${row.step.what}`));
  if (step === "declined" && row.step)
    lines.push(`${styleText("yellow", "•")} ${row.label}: not yet: ${row.step.what}. Next: ${row.step.otherwise}.`);
  if (error)
    lines.push(notDone(`${row.label}: ${error.detail}`.replace(`${row.label}: ${row.label} `, `${row.label} `)));
  return lines;
}

const DAEMON_WORDS = { started: "started", restarted: "restarted", kept: "runs" } as const;

const indent = (text: string): string => text.replace(/^/gm, "  ");

/** What to do now, after everything worked. */
export function nextText(plan: SetupPlan, report: SetupReport): string {
  const parts: string[] = [];
  const restart = report.runtimes.flatMap((runtime) => runtime.restart);
  if (restart.length > 0)
    parts.push(`Restart these sessions, they do not know repowire yet:\n${sessionLines(restart)}`);
  if (plan.withChannels) parts.push(channelText(plan));
  parts.push(
    `Start ${startWords(plan)} in two folders, then ask in one: "ask the other session what it is working on".\nWho is there: ${tilde(plan.paths.cliLauncher)} peer list   How everything is: ${tilde(plan.paths.cliLauncher)} status`,
  );
  return parts.join("\n\n");
}

/** "`claude` or `codex`", those that are set up. */
function startWords({ runtimes }: SetupPlan): string {
  const commands = runtimes.filter(({ problem }) => !problem).map(({ row }) => `\`${row.command}\``);
  return commands.length > 1 ? `${commands.slice(0, -1).join(", ")} or ${commands.at(-1)}` : commands.join("");
}

export function sessionLines(sessions: readonly RunningSession[]): string {
  return sessions
    .map(
      ({ runtime, pid, cwd, version }) =>
        `  ${labelOf(runtime)}, process ${pid}  ${cwd ? tilde(cwd) : "folder not known"}${version ? `  (${version})` : ""}`,
    )
    .join("\n");
}

const labelOf = (runtime: string): string => RUNTIME_SETUPS.find((row) => row.runtime === runtime)?.label ?? runtime;

/** Says what is known of channels, which is not much: the account decides, and Claude Code does not tell the server. */
function channelText({ paths }: SetupPlan): string {
  return [
    "Channels (experimental). Start a session with",
    `  ${tilde(launcherPath(paths, "claude"))}`,
    `which is: claude … ${CHANNEL_FLAG.join(" ")}`,
    "Claude Code shows a warning about development channels at every start and waits for Enter; that cannot be stored.",
    "Whether channels work depends on your account. No warning means that they are off for it; then messages go the usual way.",
  ].join("\n");
}
