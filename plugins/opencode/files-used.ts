/** Which files a tool of OpenCode (1.18.33) is about to write, or reads; undefined for all others. */
export function filesUsed(tool: string, args: unknown): { writes: string[]; reads: string[] } | undefined {
  const isWrite = WRITING.has(tool);
  if ((!isWrite && !READING.has(tool)) || typeof args !== "object" || args === null) return undefined;
  const named = Object.entries(args).find(([key]) => key === "filePath" || key === "path")?.[1];
  if (typeof named !== "string" || named.length > PATH_CHARS_MAX) return undefined;
  return isWrite ? { writes: [named], reads: [] } : { writes: [], reads: [named] };
}

const WRITING = new Set(["edit", "write", "multiedit"]);
const READING = new Set(["read", "grep"]);
/** The daemon refuses longer ones, and the whole report with them. */
const PATH_CHARS_MAX = 4_096;
