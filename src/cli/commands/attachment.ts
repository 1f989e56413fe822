import { createHash } from "node:crypto";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import { downloadFile } from "../../client/index.ts";
import { RepowireError } from "../../protocol/index.ts";
import { fileName, kilobytes } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";

export function attachmentCommand(context: CliContext): Command {
  const attachment = new Command("attachment").description("files that came with messages");
  attachment.addCommand(getCommand(context));
  return attachment;
}

function getCommand(context: CliContext) {
  return new Command("get")
    .description("save a file that came with a message")
    .argument("<id>", "the five-character id, as its message names it")
    .option("--out <file>", "where to (its own name, here); a file that exists is not replaced. `-`: standard output")
    .option("--json", "print JSON")
    .action(async (id, options) => {
      const { facts, body } = await downloadFile(await context.address(), id);
      if (options.out === "-") return toStandardOutput(body, facts.sha256);
      const file = options.out ?? fileName(facts.name);
      await save(file, body, facts.sha256);
      if (options.json) printJson({ file, ...facts });
      else print(`saved ${file}: ${kilobytes(facts.size)}, ${facts.type}, sha256 ${facts.sha256}`);
    });
}

/** What a terminal would act on is for a file or a program. */
async function toStandardOutput(body: AsyncIterable<Uint8Array>, sha256: string): Promise<void> {
  if (process.stdout.isTTY)
    throw new RepowireError("invalid_input", "A file of others is not written to a terminal. Name a file with --out.");
  await copy(body, sha256, (chunk) => writeAll(1, chunk));
}

/** A new file of its owner alone, whole and with the right hash, or none. */
async function save(file: string, body: AsyncIterable<Uint8Array>, sha256: string): Promise<void> {
  const fd = openNew(file);
  try {
    await copy(body, sha256, (chunk) => writeAll(fd, chunk));
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function openNew(file: string): number {
  try {
    // No file is replaced and no link is followed.
    return openSync(file, "wx", 0o600);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST")
      throw new RepowireError("invalid_input", `${file} is there already. Name another file with --out.`);
    throw error;
  }
}

async function copy(
  body: AsyncIterable<Uint8Array>,
  sha256: string,
  write: (chunk: Uint8Array) => void,
): Promise<void> {
  const hash = createHash("sha256");
  for await (const chunk of body) {
    hash.update(chunk);
    write(chunk);
  }
  if (hash.digest("hex") !== sha256)
    throw new RepowireError(
      "attachment_changed",
      "What came is not the file that was sent: its hash differs. Get it again; if that does not help, ask its sender.",
    );
}

function writeAll(fd: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.byteLength; ) at += writeSync(fd, chunk, at);
}
