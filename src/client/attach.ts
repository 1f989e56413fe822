import { openBeneath } from "../platform/open-beneath.ts";
import { openedFile, type ReadableFile } from "../platform/opened-file.ts";
import {
  Attachment,
  attachmentTooLarge,
  FILE_NAME_HEADER,
  FILE_TYPE_HEADER,
  HASH_HEADER,
  HTTP_PATHS,
  LIMITS,
  type Mesh,
  UPLOAD_HEADER,
} from "../protocol/index.ts";
import { callHeaders, reach } from "./http.ts";
import { type DaemonAddress, httpUrl } from "./locate.ts";

/** Files on their way to the daemon: read here, where the caller is; the daemon opens no path. */

/** Uploads an open file as whoever makes the call; with a ticket, as the peer that it was given to. */
export async function uploadFile(
  address: DaemonAddress,
  file: ReadableFile,
  options: { type?: string; ticket?: string } = {},
): Promise<Attachment> {
  const query = new URLSearchParams({ name: file.name, ...(options.type ? { type: options.type } : {}) });
  if (file.size > LIMITS.attachmentBytesMax) throw attachmentTooLarge();
  let failure: unknown;
  const bytes = file.bytes();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await bytes.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        failure = error;
        controller.error(error);
      }
    },
  });
  try {
    const response = await reach(`${httpUrl(address, HTTP_PATHS.attachments)}?${query}`, {
      method: "POST",
      headers: { ...callHeaders(address), ...(options.ticket ? { [UPLOAD_HEADER]: options.ticket } : {}) },
      body,
    });
    return Attachment.parse(await response.json());
  } catch (error) {
    throw failure ?? error;
  }
}

/** A file that was sent to whoever makes the call; its bytes are to be compared with the hash by whoever reads them. */
export async function downloadFile(
  address: DaemonAddress,
  id: string,
): Promise<{ facts: Attachment; body: AsyncIterable<Uint8Array> }> {
  const path = HTTP_PATHS.attachment(encodeURIComponent(id));
  const response = await reach(httpUrl(address, path), { headers: callHeaders(address) });
  const header = (name: string) => response.headers.get(name) ?? "";
  return {
    facts: {
      id,
      name: decodeURIComponent(header(FILE_NAME_HEADER)),
      size: Number(header("content-length")),
      type: header(FILE_TYPE_HEADER),
      sha256: header(HASH_HEADER),
    },
    body: response.body ?? new ReadableStream<Uint8Array>(),
  };
}

/** For a session's own side: files of its folder, named by its model, uploaded as the session that the mesh's calls are made for. */
export function attachFrom(options: { folder(): string; home: string; address(): Promise<DaemonAddress> }) {
  return async (mesh: Mesh, paths: readonly string[]): Promise<string[]> => {
    const ids: string[] = [];
    for (const path of paths) {
      await using file = openedFile(openBeneath(options.folder(), path, options.home));
      const { ticket } = await mesh.upload_ticket({});
      ids.push((await uploadFile(await options.address(), file, { ticket })).id);
    }
    return ids;
  };
}
