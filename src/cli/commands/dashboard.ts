import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { renderUnicodeCompact } from "uqr";
import { ensurePrivateFolder, homePaths } from "../../platform/paths.ts";
import type { OperationOutput } from "../../protocol/index.ts";
import { timeOfDay } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";

type Link = OperationOutput<"login_link">;

export function dashboardCommand(context: CliContext) {
  return new Command("dashboard")
    .description("open the mesh in your browser: who does what, what was said, what waits for you")
    .option("--print", "print the link instead of opening it; it logs in one browser, once")
    .option("--json", "print JSON")
    .action(async (options) => {
      const link = await (await context.mesh()).login_link({});
      if (options.json) return printJson(link);
      if (options.print) return print(printed(link));
      const opener = process.platform === "darwin" ? "open" : "xdg-open";
      const isOpen = Bun.which(opener) !== null && (await open(opener, redirectFile(context.home, link.url)));
      print(isOpen ? `Opened in your browser. If nothing came up: repowire dashboard --print` : printed(link));
    });
}

/** With a code for the camera of a phone only where somebody has said how a phone reaches this machine. */
function printed(link: Link): string {
  const until = `It logs in one browser, once, until ${timeOfDay(link.expires_at)}.`;
  if (!link.public_url) return `${link.url}\n\n${until}`;
  return `${link.url}\n\n${renderUnicodeCompact(link.public_url)}\n${link.public_url}\n\n${until}`;
}

/** Arguments of a command can be read by every user of the machine: the browser is given a private file that leads to the link. */
function redirectFile(home: string, url: string): string {
  const { run } = homePaths(home);
  ensurePrivateFolder(run);
  const file = join(run, "dashboard.html");
  writeFileSync(
    file,
    `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=${url}"><title>repowire</title><a href="${url}">Open the dashboard</a>\n`,
    { mode: 0o600 },
  );
  chmodSync(file, 0o600);
  return file;
}

const OPEN_MS = 5_000;

/** Whether the system's opener took it. Some browsers stay its child: it is not waited for longer than a moment, and never ended. */
async function open(opener: string, file: string): Promise<boolean> {
  const child = Bun.spawn([opener, file], { stdin: "ignore", stdout: "ignore", stderr: "ignore", detached: true });
  child.unref();
  return Promise.race([child.exited.then((code) => code === 0), Bun.sleep(OPEN_MS).then(() => true)]);
}
