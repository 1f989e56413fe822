/** Days as date fields give them (`2026-01-31`), in the browser's own time zone, as epoch milliseconds. */

export function dayStart(day: string | undefined): number | undefined {
  return at(day, 0);
}

/** The first instant that no longer belongs to that day: days of a change of the clock have other lengths. */
export function dayEnd(day: string | undefined): number | undefined {
  return at(day, 1);
}

function at(day: string | undefined, later: number): number | undefined {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day ?? "") ?? [];
  if (!year) return undefined;
  const instant = new Date(Number(year), Number(month) - 1, Number(date) + later).getTime();
  return Number.isNaN(instant) || instant < 0 ? undefined : instant;
}
