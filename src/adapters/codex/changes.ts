import type { FileReports } from "../files.ts";
import type { TurnView } from "./turns.ts";

const ITEMS_KEPT = 500;

/**
 * Tells of patches once. Codex (0.169.0) runs no hook for them and lists them when they are applied, so the one who patches hears of
 * another session with its next turn. What the first look finds was written at some time before.
 */
export function createChangeNotes(used: (files: Parameters<FileReports["used"]>[1]) => Promise<unknown>) {
  const known = new Set<string>();
  let isFirst = true;
  return async function take(views: readonly TurnView[]): Promise<void> {
    const changes = views.flatMap((view) => view.changes).filter(({ id }) => !known.has(id));
    for (const { id } of changes) known.add(id);
    for (const oldest of [...known].slice(0, Math.max(0, known.size - ITEMS_KEPT))) known.delete(oldest);
    const writes = isFirst ? [] : changes.flatMap(({ files }) => files);
    isFirst = false;
    if (writes.length > 0) await used({ writes, reads: [] });
  };
}
