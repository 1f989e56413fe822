import { join } from "node:path";
import { z } from "zod";
import { RepowireError } from "../protocol/errors.ts";
import { LIMITS } from "../protocol/limits.ts";
import { CircleName, PeerName } from "../protocol/peers.ts";
import { readSmallFile } from "./read-small.ts";

/** What a repository may say about itself in `.repowire.yaml`: wishes only, since anybody may have written it. */
export const ProjectFile = z.object({
  name: PeerName.optional().catch(undefined),
  circle: CircleName.optional().catch(undefined),
});
export type ProjectFile = z.infer<typeof ProjectFile>;

/** What it wants done with a new worktree; nothing of it is done before a person has trusted it. */
export const WorktreeSetup = z.strictObject({
  /** Files of the main checkout that git does not keep, by their paths in it. */
  copy: z.array(z.string().min(1).max(LIMITS.pathCharsMax)).max(LIMITS.worktreeFilesMax).default([]),
  /** One command as an argument array. */
  setup: z.array(z.string().max(LIMITS.launchArgCharsMax)).min(1).max(LIMITS.launchArgsMax).optional(),
});
export type WorktreeSetup = z.infer<typeof WorktreeSetup>;

const PROJECT_FILE_BYTES_MAX = 16_384;
const nameOf = (root: string) => join(root, ".repowire.yaml");

/** Empty when there is none, or when it cannot be read as one: a broken file must not keep a session out. */
export function readProjectFile(root: string): ProjectFile {
  try {
    return ProjectFile.catch({}).parse(Bun.YAML.parse(readSmallFile(nameOf(root), PROJECT_FILE_BYTES_MAX)));
  } catch {
    return {};
  }
}

/** Undefined when it wants nothing. Throws where it wants something that cannot be understood: half of it must not be done. */
export function readWorktreeSetup(root: string): WorktreeSetup | undefined {
  let content: unknown;
  try {
    content = Bun.YAML.parse(readSmallFile(nameOf(root), PROJECT_FILE_BYTES_MAX));
  } catch {
    // None, or none that can be read: as for its name and circle.
    return undefined;
  }
  const section = z.object({ worktree: z.unknown() }).safeParse(content).data?.worktree;
  if (section === undefined || section === null) return undefined;
  const setup = WorktreeSetup.safeParse(section);
  if (!setup.success) {
    const issue = setup.error.issues[0];
    throw new RepowireError(
      "invalid_input",
      `${nameOf(root)}: "${["worktree", ...(issue?.path ?? [])].join(".")}": ${issue?.message ?? "not valid"}. It takes copy (a list of files) and setup (one command as a list of words).`,
    );
  }
  const { copy, setup: command } = setup.data;
  return copy.length > 0 || command ? setup.data : undefined;
}
