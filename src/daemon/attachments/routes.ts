import type { FileHandle } from "node:fs/promises";
import type { Context, Hono } from "hono";
import type { Caller } from "../../core/index.ts";
import {
  FILE_NAME_HEADER,
  FILE_TYPE_HEADER,
  fromZod,
  HASH_HEADER,
  Handle,
  HTTP_PATHS,
  LIMITS,
  type PeerId,
  RepowireError,
  Sha256,
  UPLOAD_HEADER,
  UploadQuery,
} from "../../protocol/index.ts";
import type { RequestEnv } from "../app.ts";
import type { Attachments } from "./attachments.ts";

const CHUNK_BYTES = 65_536;

/** Files over HTTP: taken in as they come, given out so that no browser shows, guesses or runs them. */
export function addAttachments(
  app: Hono<RequestEnv>,
  attachments: Attachments,
  callerOf: (context: Context<RequestEnv>) => Promise<Caller>,
): void {
  async function ownerOf(context: Context<RequestEnv>): Promise<PeerId> {
    const ticket = context.req.header(UPLOAD_HEADER);
    if (ticket === undefined) return (await callerOf(context)).peer;
    const owner = attachments.ownerOf(ticket);
    if (owner) return owner;
    throw new RepowireError("unauthorized", "That ticket was used, or is too old. Ask for a new one: `upload_ticket`.");
  }

  app.post(HTTP_PATHS.attachments, async (context) => {
    const owner = await ownerOf(context);
    const query = UploadQuery.safeParse(context.req.query());
    if (!query.success) throw fromZod(query.error, "the upload's query");
    const sha256 = Sha256.optional().safeParse(context.req.header(HASH_HEADER));
    if (!sha256.success) throw fromZod(sha256.error, `the header ${HASH_HEADER}`);
    const length = Number(context.req.header("content-length"));
    context.env.keepOpen();
    const attachment = await attachments.upload(owner, {
      ...query.data,
      sha256: sha256.data,
      size: Number.isFinite(length) ? length : undefined,
      source: inTime(context.req.raw),
    });
    return context.json(attachment);
  });

  app.get(HTTP_PATHS.attachment(":id"), async (context) => {
    const id = Handle.safeParse(context.req.param("id"));
    if (!id.success) throw fromZod(id.error, "the attachment's id");
    const { record, file } = await attachments.download(await callerOf(context), id.data);
    context.env.keepOpen();
    const name = encodeURIComponent(record.name);
    return new Response(streamOf(file), {
      headers: {
        // Never what the sender calls it: a browser may neither show it, nor take it for a page or a script.
        "content-type": "application/octet-stream",
        "content-disposition": `attachment; filename="attachment-${record.id}"; filename*=UTF-8''${encodeRest(name)}`,
        "content-security-policy": "sandbox; default-src 'none'",
        "content-length": String(record.size),
        "cache-control": "no-store",
        [HASH_HEADER]: record.sha256,
        [FILE_NAME_HEADER]: name,
        [FILE_TYPE_HEADER]: record.type,
      },
    });
  });
}

/** What RFC 5987 does not allow and `encodeURIComponent` leaves. */
const encodeRest = (text: string): string =>
  text.replace(/['()*!]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/** The body in parts, each within the time for a body, all of it within that for a file. */
async function* inTime(request: Request): AsyncGenerator<Uint8Array> {
  const reader = request.body?.getReader();
  if (!reader) return;
  const end = performance.now() + LIMITS.uploadMs;
  try {
    for (;;) {
      const { done, value } = await within(reader.read(), Math.min(LIMITS.bodyWaitMs, end - performance.now()));
      if (done) return;
      yield value;
    }
  } finally {
    // Whoever sent it is told; that the rest is not read is all that is left to do.
    void reader.cancel().catch(() => {});
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new RepowireError("too_slow", "The file did not come in time. Send it again.")),
    Math.max(0, ms),
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function streamOf(file: FileHandle): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, null);
      if (bytesRead > 0) return controller.enqueue(buffer.subarray(0, bytesRead));
      await file.close();
      controller.close();
    },
    cancel: () => file.close(),
  });
}
