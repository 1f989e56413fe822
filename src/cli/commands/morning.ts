import { writeFileSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import { RepowireError } from "../../protocol/index.ts";
import { plural } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { instant } from "../instant.ts";
import { print, printJson } from "../output.ts";

const NIGHT_MS = 12 * 3_600_000;

/** What happened while nobody looked, as one page. */
export function morningCommand(context: CliContext) {
  return new Command("morning")
    .description("the night as one page: who asked whom, what was answered, commits, who was stuck and why")
    .option("--since <time>", "22:00 (the last one), how long ago (10h), or a date; 12 hours otherwise", (text) =>
      since(text),
    )
    .option("--out <file>", "where to; a file that exists is not replaced")
    .option("--json", "print the facts as JSON instead")
    .action(async (options) => {
      const until = Date.now();
      const mesh = await context.mesh();
      const night = await mesh.night({ since: options.since ?? until - NIGHT_MS });
      if (options.json) return printJson(night);
      const { nightPage } = await import("../morning/page.ts");
      const file =
        options.out ?? `repowire-morning-${new Date(until).toISOString().slice(0, 16).replaceAll(":", "-")}.html`;
      write(file, await nightPage(night));
      const { counts, stuck } = night;
      const stuckPeers = new Set(stuck.map(({ peer }) => peer)).size;
      print(
        `wrote ${file}: ${plural(counts.asked, "question")}, ${counts.answered} answered, ${plural(counts.commits, "commit")}, ${plural(stuckPeers, "session")} stuck for some time. It holds what was said: keep it to yourself.`,
      );
    });
}

function write(file: string, page: string): void {
  try {
    writeFileSync(file, page, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    throw new RepowireError("invalid_input", `${file} is there already. Name another file with --out.`);
  }
}

/** A time of day is the last one that has passed; all else as for other commands. */
export function since(text: string, now: number = Date.now()): number {
  const [, hour, minute] = text.trim().match(/^([01]?\d|2[0-3]):([0-5]\d)$/) ?? [];
  if (hour === undefined || minute === undefined) return instant(text, now);
  const at = new Date(now);
  at.setHours(Number(hour), Number(minute), 0, 0);
  if (at.getTime() > now) at.setDate(at.getDate() - 1);
  return at.getTime();
}
