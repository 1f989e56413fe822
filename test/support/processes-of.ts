import { readdirSync, readFileSync } from "node:fs";

/** Every other process that has this folder in its environment or its arguments; none where the system has no /proc. */
export function processesOf(folder: string): { pid: number; command: string }[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
        const isOf = readFileSync(`/proc/${pid}/environ`, "latin1").includes(folder) || command.includes(folder);
        return isOf ? [{ pid, command }] : [];
      } catch {
        // Ended since the folder was listed, or another user's.
        return [];
      }
    });
}
