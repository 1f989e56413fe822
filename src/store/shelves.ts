import type { Shelf, ShelfName, Shelves, Tx } from "../core/ports.ts";

/** Every kind of record that stands on a shelf; the type has a row for each, and so does this. */
const NAMES: Record<ShelfName, true> = {
  pause: true,
  worktree: true,
  trust: true,
  login: true,
  mismatch: true,
  gate: true,
  schedule: true,
  attachment: true,
};
export const SHELF_NAMES = Object.keys(NAMES) as ShelfName[]; // the keys of exactly this type

/** A shelf for each kind, made by the store. */
export function shelvesOf(make: <Name extends ShelfName>(name: Name) => Shelf<Shelves[Name]>): Tx["shelves"] {
  // fromEntries forgets which name has which record.
  return Object.fromEntries(SHELF_NAMES.map((name) => [name, make(name)])) as Tx["shelves"];
}
