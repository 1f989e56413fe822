import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { linkTarget, writeFileAtomic } from "../platform/files.ts";
import { RepowireError } from "../protocol/index.ts";
import { type ConfigDocument, parseDocument } from "./document.ts";
import { ConfigTextError } from "./text-error.ts";

/** A configuration file of somebody else as it stands, with all that is needed to give it back the same way. */
export interface Source {
  file: string;
  /** The file behind the name, where that is a link. */
  target: string;
  /** Undefined when there is no file. */
  bytes: Uint8Array | undefined;
  mode: number;
  doc: ConfigDocument;
  hasByteOrderMark: boolean;
}

const BYTE_ORDER_MARK = "\uFEFF";
const MODE_OF_NEW = 0o600;
const MODE_BITS = 0o7777;

/** Throws a `RepowireError` that names file and line when it cannot be edited. */
export function readSource(file: string): Source {
  const { target, bytes, mode } = withSystemErrors(file, "read", () => {
    const target = linkTarget(file);
    const isThere = existsSync(target);
    return {
      target,
      bytes: isThere ? new Uint8Array(readFileSync(target)) : undefined,
      mode: isThere ? statSync(target).mode & MODE_BITS : MODE_OF_NEW,
    };
  });
  const text = decode(file, bytes ?? new Uint8Array());
  const hasByteOrderMark = text.startsWith(BYTE_ORDER_MARK);
  const doc = withPlace(file, () => parseDocument(file, hasByteOrderMark ? text.slice(1) : text));
  return { file, target, bytes, mode, doc, hasByteOrderMark };
}

export function wasBlank(source: Source): boolean {
  return source.bytes === undefined || decode(source.file, source.bytes).trim() === "";
}

/** The bytes of the file with this content. */
export function encode(source: Source, doc: { text: string }): Uint8Array {
  return new TextEncoder().encode((source.hasByteOrderMark ? BYTE_ORDER_MARK : "") + doc.text);
}

/** Puts the bytes into the file in one step; its mode and the links to it stay. */
export function writeSource(source: Source, bytes: Uint8Array): void {
  withSystemErrors(source.file, "written", () => writeFileAtomic(source.target, bytes, source.mode));
}

/** Refuses where the file could not be written, so that this is known before anything else was done. */
export function checkFolderWritable(target: string, file: string): void {
  withSystemErrors(file, "written", () => {
    let folder = dirname(target);
    while (!existsSync(folder)) folder = dirname(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
  });
}

/** Makes the folder of the file and its missing parents, private to the user; returns those that it made, outermost first. */
export function makeFolders(target: string, file: string): string[] {
  const missing: string[] = [];
  for (let at = dirname(target); !existsSync(at); at = dirname(at)) missing.unshift(at);
  withSystemErrors(file, "written", () => {
    for (const path of missing) mkdirSync(path, { mode: 0o700 });
  });
  return missing;
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Turns "line 3 of the text" into a refusal that names the file. */
export function withPlace<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConfigTextError)) throw error;
    throw new RepowireError(
      "invalid_input",
      `${file}, line ${error.line}: ${error.message}. Mend that first; nothing was changed in it.`,
    );
  }
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new RepowireError("invalid_input", `${file} is not UTF-8 text. Mend that first; nothing was changed in it.`);
  }
}

/** What the system refuses, as a refusal that names the file. */
export function withSystemErrors<T>(file: string, what: "read" | "written" | "removed", work: () => T): T {
  try {
    return work();
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new RepowireError(
      "storage_failed",
      `${file} cannot be ${what} (${why}). Look at its owner and mode, and at what manages it.`,
    );
  }
}
