import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A program as a person would have it told: a shell script in that folder. Returns its path. */
export function notifierScript(folder: string, name: string, body: string): string {
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}
