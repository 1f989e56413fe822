import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildPage, type PageFile } from "../../platform/page.ts";
import { isBundled, PAGE_BUNDLE, programRoot } from "../../platform/program.ts";

/** What is served of the page: plain and compressed. */
export interface ServedFile {
  type: string;
  plain: Uint8Array<ArrayBuffer>;
  gzip: Uint8Array<ArrayBuffer>;
}

/** The files of the dashboard by their paths, made ready when somebody first asks: from the sources, or as setup bundled them. */
export function pageFiles(): () => Promise<ReadonlyMap<string, ServedFile>> {
  let made: Promise<ReadonlyMap<string, ServedFile>> | undefined;
  return () => {
    made ??= load().catch((error) => {
      // The next one who asks gets a new try: the disk may have been full.
      made = undefined;
      throw error;
    });
    return made;
  };
}

async function load(): Promise<ReadonlyMap<string, ServedFile>> {
  const root = programRoot();
  const files: PageFile[] = isBundled
    ? JSON.parse(readFileSync(join(root, PAGE_BUNDLE), "utf8")) // written by `buildBundles`
    : await buildPage(root);
  return new Map(
    files.map(({ path, type, base64 }) => {
      const plain = Uint8Array.from(Buffer.from(base64, "base64"));
      return [path, { type, plain, gzip: Bun.gzipSync(plain) }];
    }),
  );
}
