import type { Statements } from "./statements.ts";

/** New handles begin alike for a while (`handleSource`), so those that the table has with the same beginning are kept at hand. */
const PREFIX_LENGTH = 2;

/** Which handles the table of deliveries has. A removed one may count as taken until the beginning changes. */
export interface HandlesInTable {
  has(handle: string): boolean;
  /** What was just written to the table. */
  add(handle: string): void;
}

export function handlesLike(sql: Statements): HandlesInTable {
  let prefix: string | undefined;
  let known = new Set<string>();
  return {
    has(handle) {
      const own = handle.slice(0, PREFIX_LENGTH);
      if (own !== prefix) {
        known = new Set(sql.deliveries.handlesFrom(own, `${own}\u{10ffff}`));
        prefix = own;
      }
      return known.has(handle);
    },
    add(handle) {
      if (prefix !== undefined && handle.startsWith(prefix)) known.add(handle);
    },
  };
}
