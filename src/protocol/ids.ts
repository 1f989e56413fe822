import { z } from "zod";

/**
 * Ids are a prefix and a UUIDv7, so that they say what they name and sort by time. Handles are the short names that models copy:
 * five letters and digits without look-alikes (no i, l, o, 0, 1).
 */
export const HANDLE_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
export const HANDLE_LENGTH = 5;

const id = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}_[0-9a-f-]{36}$`), `must be an id that starts with "${prefix}_"`);

export const PeerId = id("peer");
export type PeerId = z.infer<typeof PeerId>;

export const MessageId = id("msg");
export type MessageId = z.infer<typeof MessageId>;

/** Short name of one delivery. Models sometimes add quotes, a hash or capitals: those are forgiven, nothing else is. */
export const Handle = z
  .string()
  .max(32)
  .transform((text) =>
    text
      .trim()
      .replace(/^[#"'`]+|["'`]+$/g, "")
      .toLowerCase(),
  )
  .pipe(
    z
      .string()
      .regex(new RegExp(`^[${HANDLE_ALPHABET}]{${HANDLE_LENGTH}}$`), "must be the five-character id, copied exactly"),
  );
export type Handle = z.infer<typeof Handle>;

/** Handles in a row that begin alike. */
const HANDLES_ALIKE = 4_000;
export const HANDLE_PREFIX_LENGTH = 2;

/**
 * Makes handles from `random`, a source of integers in [0, below). Those made one after the other begin with the same two letters, of
 * a beginning drawn at random: so they stand close together in an index, which then need not be rewritten all over for each of them.
 * Not unique by itself: whoever stores them asks whether one is taken.
 */
export function handleSource(random: (below: number) => number): () => Handle {
  let prefix = "";
  let left = 0;
  const draw = (length: number): string => {
    let text = "";
    for (let i = 0; i < length; i++) text += HANDLE_ALPHABET[random(HANDLE_ALPHABET.length)];
    return text;
  };
  return () => {
    if (left-- <= 0) {
      left = HANDLES_ALIKE;
      prefix = draw(HANDLE_PREFIX_LENGTH);
    }
    return prefix + draw(HANDLE_LENGTH - HANDLE_PREFIX_LENGTH);
  };
}
