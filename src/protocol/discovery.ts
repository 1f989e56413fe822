import { z } from "zod";
import { LIMITS } from "./limits.ts";
import { Runtime } from "./peers.ts";

/** The environment variables that say where agent CLIs keep their files; the asking person's may differ from the daemon's. */
export const PlaceVariable = z.enum(["HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME", "GEMINI_CLI_HOME"]);
export type PlaceVariable = z.infer<typeof PlaceVariable>;
export type Places = Partial<Record<PlaceVariable, string>>;

/** A session that runs and that nothing can be written to yet. */
export const UnreachableSession = z.object({
  runtime: Runtime,
  pid: z.number().int().positive(),
  path: z.string().max(LIMITS.pathCharsMax).optional(),
  /** Why not, and the one thing to do about it. */
  why: z.string(),
  next: z.string(),
});
export type UnreachableSession = z.infer<typeof UnreachableSession>;
