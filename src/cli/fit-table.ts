/** Lines and tables that fit a terminal: what does not fit is cut where it is seen to be cut, never wrapped. */

const graphemes = new Intl.Segmenter();

/** A line cut to so many columns, as a terminal counts them; escapes for colour take none and are kept whole. */
export function fit(line: string, columns: number): string {
  if (Bun.stringWidth(line) <= columns) return line;
  let out = "";
  let width = 0;
  let isColoured = false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith("\u001b[")) {
      out += part;
      isColoured = true;
      continue;
    }
    for (const { segment } of graphemes.segment(part)) {
      const next = Bun.stringWidth(segment);
      if (width + next > columns - 1) return `${out}${columns > 0 ? "…" : ""}${isColoured ? "\u001b[0m" : ""}`;
      out += segment;
      width += next;
    }
  }
  return out;
}

export interface Column {
  head: string;
  /** Cells are cut to this before anything is left out. */
  min?: number;
  /** However much room there is. */
  max?: number;
  /** Left out where there is no room even so: the highest first. A column without it stays. */
  drops?: number;
  isNumber?: boolean;
  /** Colours a cell that was cut and padded. */
  paint?(cell: string, row: number): string;
}

const GAP = "  ";

/** A heading and a line for each row, none wider than `width`. The cells are clean lines. */
export function fitTable(columns: readonly Column[], rows: readonly string[][], width: number): string[] {
  const shown = columns.map((column, at) => ({ column, at, width: naturalWidth(column, at, rows) }));
  // A column of nothing says nothing.
  let kept = shown.filter(({ at, column }) => column.drops === undefined || rows.some((row) => row[at] !== ""));
  for (;;) {
    const over = kept.reduce((sum, one) => sum + one.width + GAP.length, -GAP.length) - width;
    if (over <= 0) break;
    const [widest] = kept.filter((one) => one.width > (one.column.min ?? one.width)).sort((a, b) => b.width - a.width);
    if (widest) {
      widest.width--;
      continue;
    }
    const [least] = kept
      .filter(({ column }) => column.drops !== undefined)
      .sort((a, b) => (b.column.drops ?? 0) - (a.column.drops ?? 0));
    if (!least) break;
    kept = kept.filter((one) => one !== least);
    for (const one of kept) one.width = naturalWidth(one.column, one.at, rows);
  }
  const line = (cells: string[]) => fit(cells.join(GAP), width).trimEnd();
  return [
    line(kept.map(({ column, width: cell }) => pad(column.head, cell, column.isNumber))),
    ...rows.map((row, index) =>
      line(
        kept.map(({ column, at, width: cell }) => {
          const text = pad(fit(row[at] ?? "", cell), cell, column.isNumber);
          return column.paint ? column.paint(text, index) : text;
        }),
      ),
    ),
  ];
}

function naturalWidth({ head, max = Number.POSITIVE_INFINITY }: Column, at: number, rows: readonly string[][]): number {
  const widest = rows.reduce((most, row) => Math.max(most, Bun.stringWidth(row[at] ?? "")), Bun.stringWidth(head));
  return Math.max(Bun.stringWidth(head), Math.min(max, widest));
}

function pad(text: string, width: number, isNumber = false): string {
  const blank = " ".repeat(Math.max(0, width - Bun.stringWidth(text)));
  return isNumber ? blank + text : text + blank;
}
