import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { homePaths } from "../../platform/paths.ts";
import { ERRORS } from "../../protocol/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";
import type { UpdateReport } from "../update/run.ts";

interface UpdateOptions {
  from?: string;
  check?: true;
  json?: true;
}

export function updateCommand(context: CliContext) {
  return new Command("update")
    .description("install a newer version under running sessions; goes back if it does not work")
    .option("--from <path>", "a folder, packed npm package or binary instead of the npm registry")
    .option("--check", "say whether there is another version, and change nothing")
    .option("--json", "print JSON")
    .action((options) => update(resolve(context.home), options));
}

async function update(home: string, options: UpdateOptions): Promise<void> {
  // Loaded only here: other commands start without it.
  const { applyUpdate, completeUpdate, installedVersion } = await import("../update/run.ts");
  const { fileOffer, registryOffer } = await import("../../setup/update/offer.ts");
  const { reportText, STEP_TEXTS } = await import("../update/texts.ts");
  const paths = homePaths(home);
  const installed = installedVersion(paths);
  const context = { paths, env: process.env };
  const offer = await (options.from === undefined ? registryOffer(context) : fileOffer(context, options.from));
  // The registry's numbers only go up; what somebody names is what they want, be it another build of the same version.
  const isNewer =
    options.from === undefined
      ? Bun.semver.order(offer.version, installed.version) > 0
      : offer.version !== installed.version;
  if (options.check) {
    if (options.json)
      return printJson({ installed: installed.version, offered: offer.version, from: offer.from, update: isNewer });
    return print(
      isNewer
        ? `${offer.version} is at ${offer.from}; ${installed.version} is installed. To install it: repowire update${options.from === undefined ? "" : ` --from ${options.from}`}`
        : `${installed.version} is installed; ${offer.from} has ${offer.version}.`,
    );
  }
  const say = options.json ? () => {} : (text: string | undefined) => text && print(text);
  if (isNewer) say(`repowire ${offer.version}, from ${offer.from}`);
  const report =
    isNewer || options.from !== undefined
      ? await applyUpdate(paths, offer, (step) => say(STEP_TEXTS[step]))
      : await completeUpdate(paths);
  show(report, options, reportText(report));
}

function show(report: UpdateReport, options: UpdateOptions, text: string): void {
  const { error, oldVersions, ...rest } = report;
  if (error) process.exitCode = ERRORS[error.code].exit;
  if (options.json)
    return printJson({
      ok: !error,
      ...rest,
      old_versions: oldVersions && { removed: oldVersions.removed, in_use: oldVersions.inUse },
      error,
    });
  if (error) process.stderr.write(`repowire: ${error.detail}\n`);
  else print(text);
}
