/** One row of the table of limits. */
export interface Limit {
  value: number;
  unit: "bytes" | "characters" | "ms" | "count" | "days";
  why: string;
}
