import { z } from "zod";
import { Handle } from "./ids.ts";
import { LIMITS } from "./limits.ts";

/** A file that goes with a message. It is known by its id and its hash, never by a path. */
export const Attachment = z.object({
  id: Handle,
  /** As its sender's file is called, without any folder. */
  name: z.string(),
  size: z.number().int().nonnegative(),
  /** The media type that its name suggests; a hint, proven by nothing. */
  type: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Attachment = z.infer<typeof Attachment>;

/** The attachments of a message that is about to be sent, by id. */
export const AttachmentIds = z.array(Handle).min(1).max(LIMITS.attachmentsPerMessageMax);

/** By the ending of a file's name; what is not here is `application/octet-stream`. */
const MEDIA_TYPES: Record<string, string> = {
  txt: "text/plain",
  log: "text/plain",
  md: "text/markdown",
  diff: "text/x-diff",
  patch: "text/x-diff",
  csv: "text/csv",
  html: "text/html",
  json: "application/json",
  yaml: "application/yaml",
  yml: "application/yaml",
  xml: "application/xml",
  pdf: "application/pdf",
  zip: "application/zip",
  gz: "application/gzip",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
};

export function mediaTypeOf(name: string): string {
  return MEDIA_TYPES[name.split(".").at(-1)?.toLowerCase() ?? ""] ?? "application/octet-stream";
}
