import { readCheckout, realPath } from "../platform/checkout.ts";
import { readProjectFile } from "../platform/project-file.ts";

/** The circle of a session that a person starts in this folder: flag over environment over the repository's file; else their own. */
export function circleFor(
  folder: string,
  flag: string | undefined,
  env: Record<string, string | undefined> = process.env,
): string | undefined {
  if (flag ?? env.REPOWIRE_CIRCLE) return flag ?? env.REPOWIRE_CIRCLE;
  const path = realPath(folder);
  return readProjectFile(readCheckout(path)?.root ?? path).circle;
}
