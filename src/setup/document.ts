import { isBlank, type JsonText, parseJsonText } from "./json-text.ts";
import type { AddedValue } from "./record.ts";
import { hasNoStatement, parseTomlText, removeEmptyTable, type TomlText } from "./toml-text.ts";
import { placeToml, takeOutToml } from "./toml-values.ts";
import { type Edit, type Placed, place, removeIfEmpty, takeOut } from "./values.ts";

/** A configuration file's content, whatever it is written in. It is never changed: each change gives another one. */
export interface ConfigDocument {
  readonly text: string;
  /** Brings one value in, unless it is there. `known` is what an earlier setup added for the same purpose. */
  place(edit: Edit, known: AddedValue | undefined): Placed<ConfigDocument>;
  /** `undefined` when the value is not there any more, or has become somebody else's. */
  takeOut(added: AddedValue): ConfigDocument | undefined;
  /** Removes an object, table or list that setup made, if nothing is in it any more. */
  removeIfEmpty(path: readonly string[]): ConfigDocument;
  /** Whether nothing is in it that anybody would miss. */
  isBlank(): boolean;
}

/** Throws a `ConfigTextError` when the text cannot be read. The name tells what it is written in. */
export function parseDocument(file: string, text: string): ConfigDocument {
  return file.endsWith(".toml") ? tomlDocument(parseTomlText(text)) : jsonDocument(parseJsonText(text));
}

function jsonDocument(doc: JsonText): ConfigDocument {
  return {
    text: doc.text,
    place(edit, known) {
      const placed = place(doc, edit, known);
      return { ...placed, doc: jsonDocument(placed.doc) };
    },
    takeOut(added) {
      const next = takeOut(doc, added);
      return next && jsonDocument(next);
    },
    removeIfEmpty: (path) => jsonDocument(removeIfEmpty(doc, path)),
    isBlank: () => isBlank(doc),
  };
}

function tomlDocument(doc: TomlText): ConfigDocument {
  return {
    text: doc.text,
    place(edit, known) {
      const placed = placeToml(doc, edit, known);
      return { ...placed, doc: tomlDocument(placed.doc) };
    },
    takeOut(added) {
      const next = takeOutToml(doc, added);
      return next && tomlDocument(next);
    },
    removeIfEmpty: (path) => tomlDocument(path.length === 0 ? doc : removeEmptyTable(doc, path)),
    isBlank: () => hasNoStatement(doc) && !doc.text.includes("#"),
  };
}
