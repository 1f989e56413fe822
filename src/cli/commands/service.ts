import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { homePaths } from "../../platform/paths.ts";
import { ERRORS } from "../../protocol/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";
import type { ServiceState } from "../service.ts";
import { showLog } from "./daemon.ts";

/** The daemon as a service of the user: systemd or launchd keeps it, from login on. */
export function serviceCommand(context: CliContext): Command {
  const service = new Command("service").description("the daemon from your login on, kept by systemd or launchd");
  const paths = homePaths(resolve(context.home));
  // Loaded only when one is run: the service's parts are no other command's.
  const acts = () => import("../service.ts");
  const add = (name: string, description: string, act: () => Promise<ServiceState>) =>
    service.addCommand(
      new Command(name)
        .description(description)
        .option("--json", "print JSON")
        .action(async (options) => show(await act(), options.json === true)),
    );
  add("install", "write its file, start it, and see that it answers", async () =>
    (await acts()).installService(paths, process.env),
  );
  service.addCommand(
    new Command("uninstall")
      .description("stop it and remove what install wrote")
      .option("--json", "print JSON")
      .action(async (options) => {
        const removed = await (await acts()).uninstallService(paths, process.env);
        if (options.json) printJson({ installed: false, removed });
        else print(removed ? "The service is removed; the daemon starts on demand." : "No service was installed.");
      }),
  );
  add("start", "start it; a daemon that was started on demand makes way", async () =>
    (await acts()).startService(paths, process.env, { anew: false }),
  );
  add("stop", "stop the daemon until the next login, or until a session needs it", async () =>
    (await acts()).stopService(paths, process.env),
  );
  add("restart", "stop and start it; sessions come back by themselves", async () =>
    (await acts()).startService(paths, process.env, { anew: true }),
  );
  service.addCommand(
    new Command("status")
      .description("whether it is installed, and whose daemon answers")
      .option("--json", "print JSON")
      .action(async (options) => {
        const state = await (await acts()).serviceState(paths, process.env);
        show(state, options.json === true);
        if (!state.installed || state.daemon === "none") process.exitCode = ERRORS.unavailable.exit;
      }),
  );
  service.addCommand(
    new Command("logs")
      .description("the daemon's log, newest last")
      .option("-f, --follow", "go on as it is written, until Ctrl-C")
      .option("--json", "print its lines as they are: one JSON object each")
      .action((options) =>
        showLog(paths.daemonLog, { follow: options.follow ?? false, isJson: options.json ?? false }),
      ),
  );
  return service;
}

const ANSWERS: Record<ServiceState["daemon"], string> = {
  of_the_service: "its daemon answers",
  on_demand: "a daemon that was started on demand answers",
  none: "no daemon runs",
};

function show(state: ServiceState, isJson: boolean): void {
  if (isJson) return printJson(state);
  const what = state.installed ? `installed (${state.file})` : "not installed; next: repowire service install";
  print(`${state.manager}: ${ANSWERS[state.daemon]}; ${what}`);
}
