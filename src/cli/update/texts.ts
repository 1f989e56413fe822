import { tilde } from "../setup/texts.ts";
import type { UpdateReport, UpdateStep } from "./run.ts";

export const STEP_TEXTS: Partial<Record<UpdateStep, string>> = {
  added: "It is here, beside the version that runs.",
  tried: "Its daemon started and answered in an empty home.",
  switched: "It is the current version now.",
};

export function reportText(report: UpdateReport): string {
  const { state, before, version, refreshed, daemon, oldVersions } = report;
  const lines = [headline(state, before, version)];
  if (daemon && daemon.how !== "kept")
    lines.push(`The daemon was ${daemon.how} on http://127.0.0.1:${daemon.port}; sessions are back by themselves.`);
  for (const file of refreshed?.changed ?? []) lines.push(`${tilde(file)} was brought up to date.`);
  for (const { runtime, detail } of refreshed?.problems ?? []) lines.push(`! ${runtime} stays as it was: ${detail}`);
  for (const { name, pids } of oldVersions?.inUse ?? [])
    lines.push(
      `${name} stays while sessions run from it (${pids.length === 1 ? "process" : "processes"} ${pids.join(", ")}).`,
    );
  for (const name of oldVersions?.removed ?? []) lines.push(`${name} was removed.`);
  for (const { runtime, pid, cwd } of refreshed?.restart ?? [])
    lines.push(
      `When it suits, restart this session to give it the new files: ${runtime}, process ${pid}${cwd ? `, ${tilde(cwd)}` : ""}`,
    );
  return lines.join("\n");
}

function headline(state: UpdateReport["state"], before: string, version: string): string {
  if (state === "current") return `repowire ${version} is already current.`;
  return before === version ? `repowire ${version}, another build of it` : `repowire ${before} → ${version}`;
}
