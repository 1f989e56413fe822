import { InvalidArgumentError } from "@commander-js/extra-typings";

/** For options that take a number: anything else is a usage error, not a silent NaN. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("It must be a number, 0 or more.");
  return value;
}
