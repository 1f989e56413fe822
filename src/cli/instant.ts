import { InvalidArgumentError } from "@commander-js/extra-typings";
import { RepowireError } from "../protocol/index.ts";

const UNITS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** For arguments that take a time: `90s`, `30m`, `2h`, `1d`, `1w`; whole seconds. */
export function seconds(text: string): number {
  const [, count, unit] = text.trim().match(/^(\d+(?:\.\d+)?)([smhdw])$/) ?? [];
  const ms = unit === "s" ? 1_000 : UNITS[unit ?? ""];
  if (count === undefined || ms === undefined)
    throw new RepowireError(
      "invalid_input",
      `"${text.slice(0, 40)}" is no time. Say how long: 90s, 30m, 2h, 1d or 1w.`,
    );
  return Math.max(1, Math.round((Number(count) * ms) / 1_000));
}

/** For options that take an instant: how long ago (`30m`, `2h`, `3d`, `1w`), or a date or time as ISO 8601 writes it, local unless it says otherwise. */
export function instant(text: string, now: number = Date.now()): number {
  const [, count, unit] = text.trim().match(/^(\d+(?:\.\d+)?)([mhdw])$/) ?? [];
  if (count !== undefined && unit !== undefined)
    return Math.max(0, Math.round(now - Number(count) * (UNITS[unit] ?? 0)));
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text.trim());
  const isTime = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/.test(text.trim());
  // A date alone would be read as one of Greenwich.
  const at = isDay || isTime ? Date.parse(isDay ? `${text.trim()}T00:00` : text.trim()) : Number.NaN;
  if (!Number.isFinite(at) || at < 0)
    throw new InvalidArgumentError(
      "It must be how long ago (30m, 2h, 3d, 1w), or a date (2026-01-31, 2026-01-31T14:00).",
    );
  return at;
}
