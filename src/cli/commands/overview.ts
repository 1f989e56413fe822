import { Command } from "@commander-js/extra-typings";
import { RepowireError, toProblem } from "../../protocol/index.ts";
import { cleanLine } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";
import { collectOverview, orNothing, waitingFor } from "../overview.ts";
import { nextStep, overviewText, type Screen } from "../overview-text.ts";
import { discoverSessions, discoveryText } from "./discover.ts";

/** What `repowire` alone shows: the mesh, what waits on you, and the next step; to a newcomer what could join. */
export function overviewCommand(context: CliContext) {
  return new Command("overview")
    .description("the mesh, what waits on you, and the next step: what `repowire` alone shows")
    .option("--json", "print JSON")
    .action(async (options) => {
      try {
        await show(context, options.json === true);
      } catch (error) {
        if (!isDaemonAway(error)) throw error;
        const next = "repowire doctor";
        if (options.json) return printJson({ daemon: { running: false, error: toProblem(error) }, next });
        print(`${cleanLine(error.message)}\n\nNext: ${next}, which tries every part and says what to do.`);
      }
    });
}

async function show(context: CliContext, isJson: boolean): Promise<void> {
  const mesh = await context.mesh();
  // Looking for sessions, like what waits for people, is not for agents.
  const discovered = (await orNothing(discoverSessions(mesh))) ?? { found: [], unreachable: [] };
  const overview = await collectOverview(context, mesh);
  if (isJson) {
    const { found, unreachable } = discovered;
    const waiting = waitingFor(overview);
    return printJson({ daemon: { running: true }, ...overview, waiting, next: nextStep(overview), found, unreachable });
  }
  const isNews = discovered.found.some((one) => one.is_new);
  if (!isNews && overview.peers.length > 0) return print(overviewText(overview, screenOf(process.stdout)));
  print(`${discoveryText(discovered, overview.peers)}\n\nNext: ${nextStep(overview)}`);
}

const screenOf = ({ isTTY, columns, rows }: NodeJS.WriteStream): Screen | undefined =>
  isTTY ? { columns: columns || 80, rows: rows || 24 } : undefined;

/** It does not run and could not be started, or went away meanwhile: that is what there is to show. */
const isDaemonAway = (error: unknown): error is RepowireError =>
  error instanceof RepowireError && error.code === "unavailable";
