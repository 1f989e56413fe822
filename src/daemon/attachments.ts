import type { Context, Hono } from "hono";
import {
  addAttachment,
  attachmentFor,
  type Blobs,
  type Caller,
  checkAttachmentRoom,
  checkUploads,
  type Engine,
  publicAttachment,
  unknownAttachment,
} from "../core/index.ts";
import { fileName, keepAttachments } from "../operations/index.ts";
import {
  type Attachment,
  fromZod,
  HASH_HEADER,
  Handle,
  HTTP_PATHS,
  LIMITS,
  type PeerId,
  RepowireError,
  Sha256,
  UploadQuery,
} from "../protocol/index.ts";
import type { RequestEnv } from "./app.ts";

export interface FilesParts {
  engine: Engine;
  blobs: Blobs;
}

/** Files over HTTP as they are: taken in as they come, given out so that no browser shows, guesses or runs them. */
export function addAttachments(
  app: Hono<RequestEnv>,
  parts: FilesParts,
  callerOf: (context: Context<RequestEnv>) => Promise<Caller>,
): void {
  const coming = new Map<PeerId, number>();

  app.post(HTTP_PATHS.attachments, async (context) => {
    const { peer } = await callerOf(context);
    const query = UploadQuery.safeParse(context.req.query());
    if (!query.success) throw fromZod(query.error, "the upload's query");
    const sha256 = Sha256.optional().safeParse(context.req.header(HASH_HEADER));
    if (!sha256.success) throw fromZod(sha256.error, `the header ${HASH_HEADER}`);
    const size = Number(context.req.header("content-length") ?? 0);
    if (size > LIMITS.attachmentBytesMax) throw tooLarge();
    parts.engine.read((ctx) => checkAttachmentRoom(ctx, peer, size));
    const open = coming.get(peer) ?? 0;
    checkUploads(open);
    coming.set(peer, open + 1);
    context.env.keepOpen();
    try {
      return context.json(await takeIn(parts, peer, fileName(query.data.name), context.req.raw, sha256.data));
    } finally {
      const left = (coming.get(peer) ?? 1) - 1;
      if (left > 0) coming.set(peer, left);
      else coming.delete(peer);
    }
  });

  app.get(HTTP_PATHS.attachment(":id"), async (context) => {
    const id = Handle.safeParse(context.req.param("id"));
    if (!id.success) throw fromZod(id.error, "the attachment's id");
    const caller = await callerOf(context);
    const record = parts.engine.read((ctx) => attachmentFor(ctx, caller, id.data));
    if (!record) throw unknownAttachment(id.data);
    // What is gone from the disk is said now: later only the connection could end.
    const first = await parts.blobs.read(record.sha256, 0, LIMITS.attachmentChunkBytesMax);
    context.env.keepOpen();
    return new Response(bodyOf(parts.blobs, record, first), {
      headers: {
        // Never what the sender calls it: a browser may neither show it, nor take it for a page or a script.
        "content-type": "application/octet-stream",
        "content-disposition": `attachment; filename="attachment-${record.id}"; filename*=UTF-8''${encoded(record.name)}`,
        "content-security-policy": "sandbox; default-src 'none'",
        "cache-control": "no-store",
        [HASH_HEADER]: record.sha256,
      },
    });
  });
}

async function takeIn(
  { engine, blobs }: FilesParts,
  owner: PeerId,
  name: string,
  request: Request,
  wanted: string | undefined,
): Promise<Attachment> {
  const draft = await blobs.begin();
  let isFinished = false;
  try {
    let size = 0;
    for await (const chunk of inTime(request)) {
      size += chunk.byteLength;
      if (size > LIMITS.attachmentBytesMax) throw tooLarge();
      await draft.append(chunk);
    }
    const sha256 = await draft.finish();
    isFinished = true;
    if (wanted !== undefined && wanted !== sha256)
      throw new RepowireError(
        "invalid_input",
        `The file that came has the SHA-256 ${sha256}, not ${wanted}: it was changed, or cut off, on its way. Send it again.`,
      );
    const file = { owner, name, size, sha256 };
    return publicAttachment(await engine.run((ctx) => addAttachment(ctx, file)));
  } catch (error) {
    if (isFinished) await keepAttachments({ engine, blobs }).catch(() => {});
    else await draft.drop();
    throw error;
  }
}

/** The body in parts, each within the time for a body, all of it within that for a file. */
async function* inTime(request: Request): AsyncGenerator<Uint8Array> {
  const reader = request.body?.getReader();
  if (!reader) return;
  const end = performance.now() + LIMITS.uploadMs;
  try {
    for (;;) {
      const ms = Math.max(0, Math.min(LIMITS.bodyWaitMs, end - performance.now()));
      const { done, value } = await orTooSlow(reader.read(), ms);
      if (done) return;
      yield value;
    }
  } finally {
    // Whoever sent it is told; that the rest is not read is all that is left to do.
    void reader.cancel().catch(() => {});
  }
}

async function orTooSlow<T>(promise: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new RepowireError("too_slow", "The file did not come in time. Send it again.")),
    ms,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function bodyOf(blobs: Blobs, { sha256, size }: Attachment, first: Uint8Array): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      const part = sent === 0 ? first : await blobs.read(sha256, sent, LIMITS.attachmentChunkBytesMax);
      sent += part.length;
      if (part.length > 0) controller.enqueue(part);
      if (sent >= size || part.length === 0) controller.close();
    },
  });
}

/** As RFC 5987 wants it: what it does not allow and `encodeURIComponent` leaves is encoded, too. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/['()*!]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

const tooLarge = (): RepowireError =>
  new RepowireError(
    "frame_too_large",
    `An attached file may have ${LIMITS.attachmentBytesMax} bytes at most. Attach the part that matters, or commit it and name its path and branch.`,
  );
