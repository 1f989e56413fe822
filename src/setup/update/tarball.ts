import { RepowireError } from "../../protocol/index.ts";

/** The files of a packed npm package whose path fits, by their name without folders: no path of a tarball is ever one on the disk. */
export async function readTarball(bytes: Uint8Array, name: string, wanted: RegExp): Promise<Map<string, Uint8Array>> {
  try {
    const files = await new Bun.Archive(bytes).files();
    const found = new Map<string, Uint8Array>();
    for (const [path, file] of files) {
      if (wanted.test(path)) found.set(path.slice(path.lastIndexOf("/") + 1), new Uint8Array(await file.arrayBuffer()));
    }
    return found;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RepowireError("invalid_input", `${name} cannot be read as a packed npm package (${why}).`);
  }
}
