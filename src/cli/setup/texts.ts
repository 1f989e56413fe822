import { homedir } from "node:os";
import { styleText } from "node:util";
import { VERSION } from "../../protocol/index.ts";
import type { ClaudeNotice } from "../../setup/claude-code.ts";
import type { RunningSession } from "../../setup/claude-sessions.ts";
import type { FilePlan } from "../../setup/edits.ts";
import { CHANNEL_FLAG, LAUNCHERS, type Launcher, launcherPath } from "../../setup/launchers.ts";
import type { Edit, EditState } from "../../setup/values.ts";
import { duration, plural } from "../../words/index.ts";
import { traceText } from "../commands/trace.ts";
import type { SetupChoices, SetupPlan, SetupReport } from "./run.ts";

/** What setup says: the plan before anything is done, and what became of it. */

/** `~` for the user's home folder, as people write it. */
export function tilde(path: string, home: string = process.env.HOME || homedir()): string {
  return path === home || path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

export function planText(plan: SetupPlan): string {
  const { cli, paths } = plan;
  const files = plan.edits.map((file) => [tilde(file.file), fileLines(file)] as const);
  const program = `repowire ${VERSION}${plan.installed ? ` (installed now: ${plan.installed})` : ""}`;
  const launchers: Launcher[] = ["cli", "hook", "channel", ...(plan.withChannels ? (["claude"] as const) : [])];
  const rows = [
    [tilde(paths.versions), [program]] as const,
    [tilde(paths.bin), [launchers.map((launcher) => LAUNCHERS[launcher]).join(", ")]] as const,
    ...files,
  ];
  const width = Math.max(...rows.map(([place]) => place.length)) + 2;
  const lines = rows.flatMap(([place, what]) =>
    what.map((line, index) => `  ${(index === 0 ? place : "").padEnd(width)}${line}`),
  );
  return [
    `Claude Code ${cli.version ?? "(gave no version)"}, ${tilde(cli.path)}`,
    "",
    ...lines,
    "",
    `All of it can be taken back with: ${tilde(paths.cliLauncher)} uninstall`,
  ].join("\n");
}

function fileLines(file: FilePlan): string[] {
  const lines = (["missing", "outdated"] as const).flatMap((state) => {
    const sign = state === "missing" ? "add" : "update";
    return describeEdits(file.edits, state).map((what) => `${sign} ${what}`);
  });
  if (file.obsolete > 0) lines.push(`remove ${plural(file.obsolete, "value")} that repowire no longer needs`);
  if (lines.length === 0) return ["all there already"];
  return file.exists ? lines : lines.map((line, index) => (index === 0 ? `new file: ${line}` : line));
}

export function describeEdits(edits: readonly { edit: Edit; state: EditState }[], state: EditState): string[] {
  const of = (kind: Edit["kind"]) => edits.filter((entry) => entry.state === state && entry.edit.kind === kind);
  const servers = of("key").map(({ edit }) => `MCP server "${edit.path.at(-1)}"`);
  const hooks = of("hook").map(({ edit }) => edit.path.at(-1));
  const tools = of("item").map(({ edit }) => String(edit.value).replace(/^mcp__repowire__/, ""));
  return [
    ...servers,
    ...(hooks.length > 0 ? [`hooks for ${hooks.join(", ")}`] : []),
    ...(tools.length > 0 ? [`permission for ${plural(tools.length, "tool")}: ${tools.join(", ")}`] : []),
  ];
}

export function noticeText(notices: readonly ClaudeNotice[]): string {
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
  for (const file of report.files)
    lines.push(done(file.hasChanges ? `${tilde(file.file)} edited` : `${tilde(file.file)} has everything already`));
  if (choices.inbound) lines.push(done(`${tilde(plan.paths.config)}: inbound_without_prompts: ${choices.inbound}`));
  if (daemon) lines.push(done(`daemon ${DAEMON_WORDS[daemon.how]} on http://127.0.0.1:${daemon.port}`));
  if (selftest?.ok) {
    lines.push(done(`self-test: a question was asked and answered in ${duration(selftest.elapsed_ms)}`));
    lines.push(indent(traceText(selftest.trace).split("\n").slice(0, 2).join("\n")));
  } else if (selftest) lines.push(notDone(`self-test: ${selftest.failure}. Next: ${selftest.next}.`));
  if (report.error) lines.push(notDone(report.error.detail));
  return lines.join("\n");
}

const DAEMON_WORDS = { started: "started", restarted: "restarted", kept: "runs" } as const;

const indent = (text: string): string => text.replace(/^/gm, "  ");

/** What to do now, after everything worked. */
export function nextText(plan: SetupPlan, report: SetupReport): string {
  const parts: string[] = [];
  if (report.restart.length > 0)
    parts.push(`Restart these sessions, they do not know repowire yet:\n${sessionLines(report.restart)}`);
  if (plan.withChannels) parts.push(channelText(plan));
  parts.push(
    `Start \`claude\` in two folders, then ask in one: "ask the other session what it is working on".\nWho is there: ${tilde(plan.paths.cliLauncher)} peer list   How everything is: ${tilde(plan.paths.cliLauncher)} status`,
  );
  return parts.join("\n\n");
}

export function sessionLines(sessions: readonly RunningSession[]): string {
  return sessions
    .map(
      ({ pid, cwd, version }) =>
        `  process ${pid}  ${cwd ? tilde(cwd) : "folder not known"}${version ? `  (${version})` : ""}`,
    )
    .join("\n");
}

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
