import { z } from "zod";
import { Handle } from "./ids.ts";
import { LIMITS } from "./limits.ts";

/**
 * A file that goes with a message: facts that repowire found out while it took the file in. The name alone is the sender's, made safe
 * before it was stored. The bytes are fetched by the id, never by a path.
 */
export const Attachment = z.object({
  /** As short as a message's handle and unlike any of them: `inbox` takes both. */
  id: z.string(),
  name: z.string(),
  /** Bytes. */
  size: z.number().int().nonnegative(),
  /** What the sender's side calls it, where the bytes allow that: text is text, and what is none is never called so. */
  type: z.string(),
  sha256: z.string(),
});
export type Attachment = z.infer<typeof Attachment>;

/** Ids of files that the caller has uploaded. */
export const AttachmentIds = z.array(Handle).max(LIMITS.attachmentsPerMessageMax).optional();

/** Files as a model names them: its own side reads them, the daemon is given their ids. */
export const AttachmentPaths = z
  .array(z.string().min(1).max(LIMITS.pathCharsMax))
  .max(LIMITS.attachmentsPerMessageMax)
  .optional();

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in 64 small hexadecimal digits");

/** What an upload says of itself, in the query; the body is the file. */
export const UploadQuery = z.object({
  name: z.string().min(1).max(LIMITS.pathCharsMax),
  type: z.string().max(200).optional(),
});
