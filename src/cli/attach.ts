import { sendFiles } from "../client/index.ts";
import { readToAttach } from "../platform/inside.ts";
import { LIMITS, type Mesh, RepowireError } from "../protocol/index.ts";

/** Brings the files that a command names, wherever its caller may read them; all are read before any is sent. Returns their ids. */
export async function attachFiles(mesh: Pick<Mesh, "attach">, paths: readonly string[] | undefined) {
  if (!paths) return undefined;
  if (paths.length > LIMITS.attachmentsPerMessageMax)
    throw new RepowireError("invalid_input", `One message takes at most ${LIMITS.attachmentsPerMessageMax} files.`);
  const files = paths.map((path) => readToAttach(path, { from: process.cwd() }));
  return sendFiles(mesh, files);
}
