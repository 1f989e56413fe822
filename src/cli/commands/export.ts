import { closeSync, existsSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import { createRunWriter, RepowireError, VERSION } from "../../protocol/index.ts";
import { plural } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { instant } from "../instant.ts";
import { print, printJson } from "../output.ts";

const at = (text: string): number => instant(text);

export function exportCommand(context: CliContext) {
  return new Command("export")
    .description("write what happened into one file, bodies too, for `replay` or for somebody else")
    .option("--since <time>", "only conversations that began since: how long ago (2h, 3d) or a date", at)
    .option("--thread <id>", "only the conversation of this message")
    .option("--no-bodies", "leave out what was said")
    .option("--out <file>", "where to; a file that exists is not replaced")
    .option("--json", "print JSON")
    .action(async ({ since, thread, bodies, out, json }) => {
      const now = new Date();
      const file = out ?? `repowire-${now.toISOString().slice(0, 19).replaceAll(":", "-")}.jsonl`;
      if (existsSync(file))
        throw new RepowireError("invalid_input", `${file} is there already. Name another file with --out.`);
      const mesh = await context.mesh();
      const wish = { since, thread, bodies };
      let page = await mesh.export(wish);
      // Whoever reads it reads everything: only its owner, and only once it is whole.
      const draft = `${file}.${process.pid}.tmp`;
      const fd = openSync(draft, "wx", 0o600);
      try {
        const header = { repowire: VERSION, exported_at: now.getTime(), epoch: page.epoch, bodies, since, thread };
        const writer = createRunWriter(header, (line) => void writeSync(fd, line));
        writer.page(page);
        while (page.cursor !== undefined) {
          page = await mesh.export({ ...wish, after: page.cursor });
          writer.page(page);
        }
        const written = writer.end();
        renameSync(draft, file);
        if (json) printJson({ file, bodies, ...written });
        else
          print(
            `wrote ${plural(written.messages, "message")} and ${plural(written.events, "event")} of ${plural(written.peers, "peer")} to ${file}${bodies ? ", bodies included: it holds all that was said" : ", without bodies"}`,
          );
      } catch (error) {
        rmSync(draft, { force: true });
        throw error;
      } finally {
        closeSync(fd);
      }
    });
}
