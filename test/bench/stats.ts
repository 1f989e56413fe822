export interface Result {
  name: string;
  value: number;
  unit: string;
  /** Measured in the same run, or the aim where there is nothing to compare with. */
  baseline: number;
  ratio: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const round = (value: number): number => Number(value.toPrecision(4));

export function result(name: string, value: number, unit: string, baseline: number): Result {
  return { name, value: round(value), unit, baseline: round(baseline), ratio: round(value / baseline) };
}
