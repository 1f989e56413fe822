import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import { systemRefusal } from "../../platform/files.ts";
import { type Attachment, type Mesh, RepowireError } from "../../protocol/index.ts";
import { cleanLine, kilobytes } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";

/** Files that came with messages. */
export function attachmentCommand(context: CliContext) {
  const attachment = new Command("attachment").description("files that came with messages");
  attachment.addCommand(getCommand(context));
  return attachment;
}

function getCommand(context: CliContext) {
  return new Command("get")
    .description("save one; nothing that is there is written over")
    .argument("<id>", "the five-character id that its message names")
    .option("-o, --out <file>", "where to; `-` is standard output. Otherwise its own name, in this folder")
    .option("--json", "print JSON")
    .action(async (id, options) => {
      if (options.out === "-" && options.json)
        throw new RepowireError("invalid_input", "Standard output takes the file or the JSON: name a file with --out.");
      const mesh = await context.mesh();
      if (options.out === "-") return void (await copy(mesh, id, () => 1));
      let file = options.out;
      let fd: number | undefined;
      try {
        const saved = await copy(mesh, id, ({ name }) => {
          file ??= name;
          fd = openNew(file);
          return fd;
        });
        if (options.json) return printJson({ attachment: saved, file });
        print(`saved ${cleanLine(file ?? saved.name)} (${kilobytes(saved.size)}, sha256 ${saved.sha256})`);
      } catch (error) {
        // What is not whole is not left behind.
        if (fd !== undefined && file !== undefined) rmSync(file, { force: true });
        throw error;
      } finally {
        if (fd !== undefined) closeSync(fd);
      }
    });
}

function openNew(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST")
      throw new RepowireError("name_taken", `${file} is there already. Name another place: --out FILE`);
    throw systemRefusal(error) ?? error;
  }
}

/** Fetches it part by part; what does not have its hash is an error. */
async function copy(mesh: Mesh, id: string, open: (attachment: Attachment) => number): Promise<Attachment> {
  const hash = new Bun.CryptoHasher("sha256");
  let fd: number | undefined;
  for (let offset = 0; ; ) {
    const { attachment, data, rest_bytes } = await mesh.attachment({ id, offset });
    fd ??= open(attachment);
    const bytes = Buffer.from(data, "base64");
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    hash.update(bytes);
    offset += bytes.length;
    if (rest_bytes > 0 && bytes.length > 0) continue;
    if (hash.digest("hex") !== attachment.sha256)
      throw new RepowireError("storage_failed", `${attachment.name} is not what was sent: its hash differs.`);
    return attachment;
  }
}
