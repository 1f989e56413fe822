import { Option as CommandOption, type Option } from "@commander-js/extra-typings";
import { uploadFile } from "../client/index.ts";
import { openedFile } from "../platform/opened-file.ts";
import { openRegularFile } from "../platform/read-small.ts";
import { RepowireError } from "../protocol/index.ts";
import type { CliContext } from "./context.ts";

const collect = (file: string, before: string[]): string[] => [...before, file];

/** `--attach FILE`, once for each file. */
export const attachOption = (): Option<"--attach <file>", undefined, string[], string[]> =>
  new CommandOption("--attach <file>", "a file that goes with it; once for each")
    .default([] as string[], "none")
    .argParser(collect);

/** Uploads files of whoever runs the command, as that peer or person; returns the ids under which they can be sent. */
export async function upload(context: CliContext, files: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const path of files) {
    await using file = openedFile(open(path));
    ids.push((await uploadFile(await context.address(), file)).id);
  }
  return ids;
}

function open(path: string) {
  try {
    return openRegularFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RepowireError("invalid_input", `"${path}" cannot be attached: ${why}.`);
  }
}
