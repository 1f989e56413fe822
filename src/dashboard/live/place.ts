/** Where rows of many heights stand in one long column, of which only what can be seen is drawn. No document in here: only numbers. */
export interface Column {
  heights: number[];
  /** Sum of the heights. */
  total: number;
}

export interface Placed {
  page: number;
  row: number;
  top: number;
}

/** The rows that touch the stretch from `from` to `to`, in pixels from the top. */
export function rowsBetween(columns: readonly Column[], from: number, to: number): Placed[] {
  const placed: Placed[] = [];
  let top = 0;
  for (const [page, column] of columns.entries()) {
    const bottom = top + column.total;
    if (bottom >= from && top <= to) {
      let at = top;
      for (const [row, height] of column.heights.entries()) {
        if (at > to) break;
        if (at + height >= from) placed.push({ page, row, top: at });
        at += height;
      }
    }
    top = bottom;
    if (top > to) break;
  }
  return placed;
}

export const heightOf = (columns: readonly Column[]): number => columns.reduce((sum, column) => sum + column.total, 0);

/** Where a row begins, in pixels from the top; absent while it is not among those known. */
export function topOf(columns: readonly (Column & { ids: readonly string[] })[], id: string): number | undefined {
  let top = 0;
  for (const { ids, heights, total } of columns) {
    const row = ids.indexOf(id);
    if (row >= 0) return heights.slice(0, row).reduce((sum, height) => sum + height, top);
    top += total;
  }
  return undefined;
}

/** Notes a measured height. Returns by how much the rows below it moved. */
export function setHeight(column: Column, row: number, height: number): number {
  const by = height - (column.heights[row] ?? 0);
  if (Math.abs(by) < 0.5) return 0;
  column.heights[row] = height;
  column.total += by;
  return by;
}
