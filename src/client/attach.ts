import { type ReadFile, readToAttach } from "../platform/inside.ts";
import { repowireHome } from "../platform/paths.ts";
import {
  type Attachment,
  type CheckoutState,
  LIMITS,
  type Mesh,
  RepowireError,
  type ToolOperation,
} from "../protocol/index.ts";

/** Brings a file to the daemon, part by part. */
async function sendFile(mesh: Pick<Mesh, "attach">, { name, bytes }: ReadFile): Promise<Attachment> {
  let upload: string | undefined;
  for (let offset = 0; ; offset += LIMITS.attachmentChunkBytesMax) {
    const part = bytes.subarray(offset, offset + LIMITS.attachmentChunkBytesMax);
    const data = Buffer.from(part).toString("base64");
    const output = await mesh.attach(upload === undefined ? { name, size: bytes.length, data } : { upload, data });
    if (output.attachment) return output.attachment;
    if (part.length === 0) throw new RepowireError("internal", `${name} was not taken whole.`);
    upload = output.upload;
  }
}

/** Brings files one after the other; returns their ids. */
export async function sendFiles(mesh: Pick<Mesh, "attach">, files: readonly ReadFile[]): Promise<string[]> {
  const ids: string[] = [];
  for (const file of files) ids.push((await sendFile(mesh, file)).id);
  return ids;
}

/**
 * What only the session's own side can add to a tool's input: the bytes of the files that it names (read in the session's folder, brought,
 * and named by id instead), and for an answer the state of the checkout that was read.
 */
export function enrichInSession(parts: {
  mesh(): Pick<Mesh, "attach">;
  folder(): string;
  checkout(): Promise<CheckoutState | undefined>;
}) {
  return async (operation: ToolOperation, { files, ...input }: Record<string, unknown>) => {
    if (Array.isArray(files)) {
      // All are read before any is sent: a wrong name leaves nothing behind.
      const folder = parts.folder();
      const read = files.map((path) =>
        readToAttach(String(path), { from: folder, inside: folder, except: repowireHome() }),
      );
      input.attachments = await sendFiles(parts.mesh(), read);
    }
    if (operation === "reply" && input.outcome !== "progress") input.checkout = await parts.checkout();
    return input;
  };
}
