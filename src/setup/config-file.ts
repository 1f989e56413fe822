import { existsSync, readFileSync } from "node:fs";
import { isMap, parseDocument } from "yaml";
import type { Config, ConfigKey } from "../platform/config.ts";
import { linkTarget, writeFileAtomic } from "../platform/files.ts";
import { ensurePrivateFolder, type HomePaths } from "../platform/paths.ts";
import { RepowireError } from "../protocol/index.ts";

/** Sets one value of `config.yaml`; everything else in it, comments too, stays. Makes the file if there is none. */
export function setConfigValue<Key extends ConfigKey>(paths: HomePaths, key: Key, value: Config[Key]): void {
  const file = linkTarget(paths.config);
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new RepowireError("invalid_input", `${paths.config} is not valid YAML: ${error.message}.`);
  if (document.contents !== null && !isMap(document.contents))
    throw new RepowireError("invalid_input", `${paths.config} must hold settings as "name: value" lines.`);
  document.set(key, value);
  const written = document.toString({ lineWidth: 0 });
  ensurePrivateFolder(paths.home);
  writeFileAtomic(file, text.includes("\r\n") ? written.replaceAll("\n", "\r\n") : written);
}
