import {
  type Attachment,
  LIMITS,
  type Message,
  type MessageId,
  type PeerId,
  RepowireError,
} from "../protocol/index.ts";
import type { Caller } from "./caller.ts";
import { type Context, emit } from "./context.ts";
import { freeHandle } from "./free-handle.ts";
import type { AttachmentRecord, PeerRecord } from "./ports.ts";

/**
 * Files that go with messages. A record is written only once its bytes are on the disk, and a message names only records: so no
 * message can name a file that is half there.
 */

export interface NewAttachment {
  name: string;
  size: number;
  type: string;
  sha256: string;
  isText: boolean;
}

/** Refuses what would be too much, before its bytes are taken in and again with its record. */
export function checkAttachmentRoom(ctx: Context, owner: PeerId, size: number): void {
  const all = ctx.tx.shelves.attachment.all();
  const own = all.filter((record) => record.owner === owner);
  const bytes = (records: readonly AttachmentRecord[]) => records.reduce((sum, record) => sum + record.size, size);
  const fits = "They go with their messages; a person can remove old ones now with `repowire purge --older-than DAYS`.";
  if (own.length >= LIMITS.attachmentsPerPeerMax || bytes(own) > LIMITS.attachmentBytesPerPeerMax)
    throw new RepowireError(
      "too_many_attachments",
      `You have ${own.length} attached files that are kept (${bytes(own) - size} bytes); one peer may have ${LIMITS.attachmentsPerPeerMax}, of ${LIMITS.attachmentBytesPerPeerMax} bytes together. ${fits}`,
    );
  if (all.length >= LIMITS.attachmentsMax || bytes(all) > LIMITS.attachmentBytesMaxAll)
    throw new RepowireError(
      "too_many_attachments",
      `All peers together have ${all.length} attached files that are kept (${bytes(all) - size} bytes), and there is no room for another. ${fits}`,
    );
}

/** The record of a file whose bytes are on the disk. */
export function keepAttachment(ctx: Context, owner: PeerRecord, file: NewAttachment): Attachment {
  checkAttachmentRoom(ctx, owner.id, file.size);
  const { isText, ...facts } = file;
  const attachment: Attachment = { id: freeHandle(ctx), ...facts };
  ctx.tx.shelves.attachment.put(attachment.id, {
    ...attachment,
    owner: owner.id,
    is_text: isText,
    created_at: ctx.now.wall,
    messages: [],
    shown: {},
  });
  emit(ctx, {
    type: "attachment.stored",
    peer: owner.id,
    data: { handle: attachment.id, bytes: file.size, type: file.type, from: owner.name },
  });
  return attachment;
}

/** The files that a message is to go with: the sender's own uploads, each once. */
export function attachmentsOf(ctx: Context, from: PeerRecord, ids: readonly string[] | undefined): Attachment[] {
  return [...new Set(ids)].map((id) => {
    const record = ctx.tx.shelves.attachment.get(id);
    if (record?.owner !== from.id)
      throw new RepowireError(
        "handle_unknown",
        `You have uploaded no file "${id}", or it was never sent and is gone. Attach it anew.`,
      );
    if (record.messages.length >= LIMITS.attachmentMessagesMax)
      throw new RepowireError(
        "too_many_attachments",
        `The file ${id} goes with ${record.messages.length} messages already, the most it can. Attach it anew.`,
      );
    const { name, size, type, sha256 } = record;
    return { id, name, size, type, sha256 };
  });
}

/** From now on they live as long as the message. */
export function bindAttachments(ctx: Context, message: Message): void {
  for (const { id } of message.attachments) {
    const record = ctx.tx.shelves.attachment.get(id);
    // A replayed message has its facts alone.
    if (record) ctx.tx.shelves.attachment.put(id, { ...record, messages: [...record.messages, message.id] });
  }
}

/** Whether two messages bring the same files, whichever uploads they are of. */
export function bringSame(one: readonly Partial<Attachment>[], other: readonly Partial<Attachment>[] = []): boolean {
  const listed = (files: readonly Partial<Attachment>[]) =>
    files
      .map(({ sha256, name }) => `${sha256} ${name}`)
      .sort()
      .join("\n");
  return listed(one) === listed(other);
}

/** For the one who sent it, those it was sent to, and people; for anybody else it does not exist. */
export function attachmentFor(
  ctx: Context,
  caller: Pick<Caller, "peer" | "isHuman">,
  id: string,
): AttachmentRecord | undefined {
  const record = ctx.tx.shelves.attachment.get(id);
  if (!record) return undefined;
  const isFor =
    caller.isHuman ||
    record.owner === caller.peer ||
    record.messages.some((message) => wasSentTo(ctx, message, caller));
  return isFor ? record : undefined;
}

/** What was refused on the way, or taken back before it was handed over, is nothing to its recipient. */
function wasSentTo(ctx: Context, message: MessageId, { peer }: Pick<Caller, "peer">): boolean {
  const state = ctx.tx.deliveries.get(message, peer)?.state;
  return state !== undefined && state !== "refused" && state !== "cancelled";
}

export function noAttachment(id: string): RepowireError {
  return new RepowireError(
    "handle_unknown",
    `No attachment "${id}" was sent to you. The message that it comes with names its id.`,
  );
}

/** Removes the records whose messages are all gone, and uploads from before `unsentBefore` (epoch ms) that were never sent. */
export function forgetAttachments(ctx: Context, unsentBefore: number): number {
  const { attachment } = ctx.tx.shelves;
  const gone = attachment
    .all()
    .filter(({ messages, created_at }) =>
      messages.length === 0 ? created_at < unsentBefore : messages.every((id) => !ctx.tx.messages.get(id)),
    );
  for (const { id } of gone) attachment.remove(id);
  return gone.length;
}

/** The hashes of all files that are kept. */
export const keptHashes = (ctx: Context): Set<string> =>
  new Set(ctx.tx.shelves.attachment.all().map(({ sha256 }) => sha256));
