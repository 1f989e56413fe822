export interface Result {
  name: string;
  value: number;
  unit: string;
  /** Measured in the same run, or the aim where there is nothing to compare with. */
  baseline: number;
  ratio: number;
  /** What the baseline is, and under which conditions both were measured. */
  against?: string;
  /** The ratio (or, where `isValue`, the value) that is aimed at. */
  aim?: Aim;
}

export interface Aim {
  at: "most" | "least";
  of: "ratio" | "value";
  bound: number;
}

export const atMost = (bound: number, of: Aim["of"] = "ratio"): Aim => ({ at: "most", of, bound });
export const atLeast = (bound: number, of: Aim["of"] = "ratio"): Aim => ({ at: "least", of, bound });

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

const round = (value: number): number => Number(value.toPrecision(4));

export function result(
  name: string,
  value: number,
  unit: string,
  baseline: number,
  more: { against?: string; aim?: Aim } = {},
): Result {
  return { name, value: round(value), unit, baseline: round(baseline), ratio: round(value / baseline), ...more };
}

export function isMet({ value, ratio, aim }: Result): boolean | undefined {
  if (!aim) return undefined;
  const measured = aim.of === "value" ? value : ratio;
  return aim.at === "most" ? measured <= aim.bound : measured >= aim.bound;
}
