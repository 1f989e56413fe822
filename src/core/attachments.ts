import {
  type Attachment,
  type Handle,
  LIMITS,
  type Message,
  type MessageId,
  mediaTypeOf,
  type PeerId,
  RepowireError,
} from "../protocol/index.ts";
import type { Caller } from "./caller.ts";
import type { Context } from "./context.ts";
import { freeHandle } from "./mailbox.ts";
import type { AttachmentRecord, PeerRecord } from "./ports.ts";

/**
 * Files that go with messages. Their bytes lie outside the database, by hash; here is who brought which, and in which messages it
 * went. Whoever may read the message may read what is attached to it, and nobody else.
 */

/** Refuses what would be too much before its bytes are taken. */
export function checkAttachmentRoom(ctx: Context, owner: PeerId, size: number): void {
  const all = ctx.tx.shelves.attachment.all();
  const own = all.filter((record) => record.owner === owner);
  const unsent = own.filter((record) => record.messages.length === 0).length;
  const bytes = sizeOf(all) + size;
  const ownBytes = sizeOf(own) + size;
  const why =
    unsent >= LIMITS.attachmentsUnsentMax
      ? `You have ${unsent} files here that went with no message yet, the most there may be; they are forgotten after an hour.`
      : own.length >= LIMITS.attachmentsPerPeerMax
        ? `You have ${own.length} files that are kept, the most one peer may have.`
        : ownBytes > LIMITS.attachmentsBytesPerPeerMax
          ? `With it, your kept files would be ${megabytes(ownBytes)} MB; one peer's may be ${megabytes(LIMITS.attachmentsBytesPerPeerMax)} MB.`
          : all.length >= LIMITS.attachmentsMax
            ? `${all.length} files are kept here, the most there may be.`
            : bytes > LIMITS.attachmentsBytesMax
              ? `With it, the kept files would be ${megabytes(bytes)} MB; they may be ${megabytes(LIMITS.attachmentsBytesMax)} MB.`
              : undefined;
  if (why) throw new RepowireError("attachments_full", `${why} \`repowire purge\` removes what is old.`);
}

/** As many files of one peer are coming in as may at the same time, by one door. */
export function checkUploads(coming: number): void {
  if (coming < LIMITS.uploadsPerPeerMax) return;
  throw new RepowireError("attachments_full", `${coming} files of yours are on their way already. Send them first.`);
}

const sizeOf = (records: readonly AttachmentRecord[]) => records.reduce((sum, { size }) => sum + size, 0);
const megabytes = (bytes: number) => Math.ceil(bytes / 1_000_000);

export function addAttachment(
  ctx: Context,
  file: Pick<AttachmentRecord, "owner" | "name" | "size" | "sha256">,
): AttachmentRecord {
  checkAttachmentRoom(ctx, file.owner, file.size);
  const record: AttachmentRecord = {
    ...file,
    id: freeHandle(ctx),
    type: mediaTypeOf(file.name),
    at: ctx.now.wall,
    messages: [],
    shown: {},
  };
  ctx.tx.shelves.attachment.put(record.id, record);
  return record;
}

/** Notes that these go with a message; their sender must be one who may read them. */
export function attach(ctx: Context, from: PeerRecord, ids: readonly Handle[], message: MessageId): Attachment[] {
  return [...new Set(ids)].map((id) => {
    const record = ctx.tx.shelves.attachment.get(id);
    if (!record || !mayRead(ctx, from.id, record)) throw unknownAttachment(id);
    ctx.tx.shelves.attachment.put(id, { ...record, messages: [...record.messages, message] });
    return publicAttachment(record);
  });
}

/** Whether a message brings the files of these ids, whichever uploads they are of: the same bytes under the same names. */
export function bringsSame(ctx: Context, message: Message, ids: readonly Handle[] = []): boolean {
  const own = [...new Set(ids)].flatMap((id) => ctx.tx.shelves.attachment.get(id) ?? []);
  const listed = (files: readonly Attachment[]) =>
    files
      .map(({ sha256, name }) => `${sha256} ${name}`)
      .sort()
      .join("\n");
  return listed(own) === listed(message.attachments);
}

export const unknownAttachment = (id: Handle) =>
  new RepowireError("handle_unknown", `No attachment "${id}" of yours. Its message names it.`);

/** Whoever brought it, and the recipients of a message that it went with. */
function mayRead(ctx: Context, peer: PeerId, { owner, messages }: AttachmentRecord): boolean {
  return owner === peer || messages.some((message) => isHis(ctx, message, peer));
}

/** What was refused on the way, or taken back before it was handed over, is nothing to its recipient. */
function isHis(ctx: Context, message: MessageId, peer: PeerId): boolean {
  const state = ctx.tx.deliveries.get(message, peer)?.state;
  return state !== undefined && state !== "refused" && state !== "cancelled";
}

/** For people any; for others what they may read. Undefined for what is not theirs, as for what is not there. */
export function attachmentFor(ctx: Context, caller: Caller, id: Handle): AttachmentRecord | undefined {
  const record = ctx.tx.shelves.attachment.get(id);
  return record && (caller.isHuman || mayRead(ctx, caller.peer, record)) ? record : undefined;
}

/** How far a reader has come, in bytes; the next look goes on there. */
export function noteAttachmentShown(ctx: Context, id: Handle, reader: PeerId, shown: number): void {
  const record = ctx.tx.shelves.attachment.get(id);
  if (record) ctx.tx.shelves.attachment.put(id, { ...record, shown: { ...record.shown, [reader]: shown } });
}

export function publicAttachment({ id, name, size, type, sha256 }: AttachmentRecord): Attachment {
  return { id, name, size, type, sha256 };
}

/** Forgets what went with no message within its time, or with messages that are all gone; returns the hashes that are still known. */
export function forgetAttachments(ctx: Context): Set<string> {
  for (const record of ctx.tx.shelves.attachment.all()) {
    const messages = record.messages.filter((message) => ctx.tx.messages.get(message) !== undefined);
    const isNew = ctx.now.wall - record.at < LIMITS.attachmentUnsentMs;
    if (messages.length === 0 && !isNew) ctx.tx.shelves.attachment.remove(record.id);
    else if (messages.length < record.messages.length)
      ctx.tx.shelves.attachment.put(record.id, { ...record, messages });
  }
  return new Set(ctx.tx.shelves.attachment.all().map(({ sha256 }) => sha256));
}
