import { join } from "node:path";
import { z } from "zod";
import { CircleName, PeerName } from "../protocol/peers.ts";
import { readSmallFile } from "./read-small.ts";

/** What a repository may say about itself in `.repowire.yaml`: wishes only, since anybody may have written it. */
export const ProjectFile = z.object({
  name: PeerName.optional().catch(undefined),
  circle: CircleName.optional().catch(undefined),
});
export type ProjectFile = z.infer<typeof ProjectFile>;

const PROJECT_FILE_BYTES_MAX = 16_384;

/** Empty when there is none, or when it cannot be read as one: a broken file must not keep a session out. */
export function readProjectFile(root: string): ProjectFile {
  const file = join(root, ".repowire.yaml");
  try {
    return ProjectFile.catch({}).parse(Bun.YAML.parse(readSmallFile(file, PROJECT_FILE_BYTES_MAX)));
  } catch {
    return {};
  }
}
