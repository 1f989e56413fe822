import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of its own for one test, removed with all it holds when its scope ends: `using home = tempHome()`. */
export interface TempHome extends Disposable {
  readonly path: string;
  /** A path inside; nothing is made there. */
  file(name: string): string;
}

export function tempHome(): TempHome {
  const path = mkdtempSync(join(tmpdir(), "repowire-test-"));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
