import { styleText } from "node:util";
import Table from "cli-table3";
import { systemRefusal } from "../platform/files.ts";
import { stripControls, terminalJson } from "../platform/terminal-text.ts";
import { asRepowireError, ERRORS, RepowireError, toProblem } from "../protocol/index.ts";
import { cleanLine } from "../words/index.ts";

/** What the commands print: text for people on stdout, with `--json` one JSON value; errors on stderr with one next step. */

export interface OutputOptions {
  json?: boolean;
}

export function print(text: string): void {
  process.stdout.write(`${stripControls(text)}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${terminalJson(value)}\n`);
}

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
  else process.stderr.write(`${styleText("red", "repowire:", { stream: process.stderr })} ${stripControls(detail)}\n`);
  return ERRORS[error.code].exit;
}
