import { HANDLE_PREFIX_LENGTH } from "../../protocol/index.ts";
import type { Statements } from "./statements.ts";

/**
 * Which handles the table of deliveries has. New ones begin alike for a while (`handleSource`), so those with the same beginning are
 * kept at hand. A removed one may count as taken until the beginning changes.
 */
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
      const own = handle.slice(0, HANDLE_PREFIX_LENGTH);
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
