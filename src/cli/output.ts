import { styleText } from "node:util";
import Table from "cli-table3";
import { systemRefusal } from "../platform/files.ts";
import { asRepowireError, ERRORS, RepowireError, toProblem } from "../protocol/index.ts";
import { cleanLine } from "../words/index.ts";

/** What the commands print: text for people on stdout, with `--json` one JSON value; errors on stderr with one next step. */

export interface OutputOptions {
  json?: boolean;
}

export function print(text: string): void {
  process.stdout.write(`${asText(text)}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${jsonText(value)}\n`);
}

/** Our own colours, or anything else that a terminal acts on: the second alternative is what nothing here writes by itself. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the very sign that is looked for
const ACTED_ON = /(\u001b\[[0-9;]*m)|(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** The last gate before the terminal: whatever text came this far uncleaned steers nothing. */
export const asText = (text: string): string => text.replace(ACTED_ON, (_sign, colour?: string) => colour ?? "");

/** JSON leaves the control characters above the letters as they are, and terminals act on them: they are written as `\\u009b`. */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** Rows under headings, without borders, cut to nothing: terminals wrap. Cells may hold what peers and folders are called: they are cleaned. */
export function table(head: string[], rows: string[][]): string {
  const none = {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
  };
  const lines = new Table({
    head: head.map((cell) => styleText("dim", cell)),
    chars: { ...none, left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  lines.push(...rows.map((row) => row.map(cleanLine)));
  return lines
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Prints an error the way its reader wants it, and returns the exit code. */
export function printError(thrown: unknown, json: boolean): number {
  const refusal = thrown instanceof RepowireError ? thrown : systemRefusal(thrown);
  const error = refusal ?? asRepowireError(thrown);
  const isFault = refusal === undefined && thrown instanceof Error;
  const detail = isFault ? `${thrown.message}. This is a fault in repowire.` : error.message;
  if (json) printJson({ error: { ...toProblem(error), detail } });
  else process.stderr.write(`${styleText("red", "repowire:", { stream: process.stderr })} ${asText(detail)}\n`);
  return ERRORS[error.code].exit;
}
