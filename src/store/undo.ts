/**
 * Undo steps of one transaction, for state outside the database: run backwards when it does not commit, from a mark when only a
 * part of it is taken back.
 */
export interface UndoLog {
  push(undo: () => void): void;
  mark(): number;
  rollbackTo(mark: number): void;
  clear(): void;
}

export function createUndoLog(): UndoLog {
  let steps: (() => void)[] = [];
  return {
    push: (undo) => void steps.push(undo),
    mark: () => steps.length,
    rollbackTo(mark) {
      const undone = steps.slice(mark).reverse();
      steps = steps.slice(0, mark);
      for (const undo of undone) undo();
    },
    clear() {
      steps = [];
    },
  };
}
