import type { FileHandle } from "node:fs/promises";
import {
  type AttachmentRecord,
  attachmentFor,
  type Caller,
  checkAttachmentRoom,
  type Engine,
  forgetAttachments,
  keepAttachment,
  keptHashes,
  mustGet,
  noAttachment,
  seatOf,
  sliceBytes,
} from "../../core/index.ts";
import type { AttachedFiles } from "../../operations/index.ts";
import { newSecret } from "../../platform/ids.ts";
import { openBeneath } from "../../platform/open-beneath.ts";
import { openedFile } from "../../platform/opened-file.ts";
import {
  type Attachment,
  attachmentTooLarge,
  LIMITS,
  type PeerId,
  RepowireError,
  type Runtime,
} from "../../protocol/index.ts";
import { fileName } from "../../words/index.ts";
import type { Blobs } from "./blobs.ts";

/** Files on their way in and out: bytes on the disk first, then the record; and the record gone first, then the bytes. */
export interface Attachments extends AttachedFiles {
  upload(owner: PeerId, upload: Upload): Promise<Attachment>;
  /** Whose ticket that is; it is used up by this. */
  ownerOf(ticket: string): PeerId | undefined;
  download(caller: Caller, id: string): Promise<{ record: AttachmentRecord; file: FileHandle }>;
  /**
   * Takes in files that a session without a process of ours in its folder names: only beneath the folder in which the daemon itself
   * found it, and nothing is followed out of it.
   */
  fromFolder(owner: PeerId, paths: readonly string[]): Promise<string[]>;
  /** Once, before anything comes in. */
  start(): void;
}

export interface Upload {
  name: string;
  type?: string;
  source: AsyncIterable<Uint8Array>;
  /** What it must be. */
  sha256?: string;
  /** What it is said to be, where that is known before. */
  size?: number;
}

/** Sessions whose folder the daemon looked up itself: no link and no request has said it. */
const FOLDER_FOUND: readonly Runtime[] = ["codex", "mcp"];
/** Tickets that wait at the same time. */
const TICKETS_MAX = 256;

export function createAttachments(parts: { engine: Engine; blobs: Blobs; home: string; now(): number }): Attachments {
  const { engine, blobs } = parts;
  const tickets = new Map<string, { peer: PeerId; expiresAt: number }>();
  let coming = 0;

  async function upload(owner: PeerId, { name, type, source, sha256, size }: Upload): Promise<Attachment> {
    if ((size ?? 0) > LIMITS.attachmentBytesMax) throw attachmentTooLarge();
    engine.read((ctx) => checkAttachmentRoom(ctx, owner, size ?? 0));
    if (coming >= LIMITS.uploadsMax)
      throw new RepowireError("overloaded", `${coming} files are being taken in already. Try again in a moment.`);
    coming++;
    try {
      const received = await blobs.receive(source);
      try {
        if (sha256 !== undefined && sha256 !== received.sha256) throw changed(sha256, received.sha256);
        return await engine.run((ctx) =>
          keepAttachment(ctx, mustGet(ctx, owner), {
            name: fileName(name),
            size: received.size,
            type: typeOf(type, received.isText),
            sha256: received.sha256,
            isText: received.isText,
          }),
        );
      } catch (error) {
        received.release();
        // Nothing is known of it; what others have of the same bytes stays.
        blobs.sweep(engine.read(keptHashes));
        throw error;
      } finally {
        received.release();
      }
    } finally {
      coming--;
    }
  }

  async function sweep(): Promise<void> {
    await engine.run((ctx) => forgetAttachments(ctx, ctx.now.wall - LIMITS.attachmentUnsentMs));
    blobs.sweep(engine.read(keptHashes));
  }

  return {
    upload,
    sweep,
    start: () => blobs.sweepAll(engine.read(keptHashes)),
    ticket(peer) {
      const now = parts.now();
      for (const [known, { expiresAt }] of tickets)
        if (expiresAt <= now || tickets.size >= TICKETS_MAX) tickets.delete(known);
      const ticket = newSecret();
      const expiresAt = now + LIMITS.uploadTicketMs;
      tickets.set(ticket, { peer, expiresAt });
      return { ticket, expires_at: expiresAt };
    },
    ownerOf(ticket) {
      const known = tickets.get(ticket);
      tickets.delete(ticket);
      return known && known.expiresAt > parts.now() ? known.peer : undefined;
    },
    async download(caller, id) {
      const record = engine.read((ctx) => {
        seatOf(ctx, caller);
        return attachmentFor(ctx, caller, id);
      });
      if (!record) throw noAttachment(id);
      return { record, file: await blobs.open(record.sha256, record.size) };
    },
    async readText({ sha256, size }, offset, maxBytes) {
      const file = await blobs.open(sha256, size);
      try {
        // Up to three bytes more, so that a character at the end is seen whole.
        const buffer = Buffer.alloc(Math.min(maxBytes + 4, Math.max(0, size - offset)));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
        const { part, end } = sliceBytes(buffer.toString("utf8", 0, bytesRead), 0, maxBytes);
        return { part, end: offset + end };
      } finally {
        await file.close();
      }
    },
    async fromFolder(owner, paths) {
      const { path, runtime } = engine.read((ctx) => mustGet(ctx, owner));
      if (path === undefined || !FOLDER_FOUND.includes(runtime))
        throw new RepowireError(
          "forbidden",
          "repowire cannot read files for this session here. Run `repowire peer notify NAME TEXT --attach FILE` in its shell instead.",
        );
      const ids: string[] = [];
      for (const wanted of paths) {
        await using file = openedFile(openBeneath(path, wanted, parts.home));
        const { name, size } = file;
        ids.push((await upload(owner, { name, size, source: file.bytes() })).id);
      }
      return ids;
    },
  };
}

const changed = (said: string, found: string) =>
  new RepowireError(
    "attachment_changed",
    `The file that came has the SHA-256 ${found}, not ${said}: it was changed, or cut off, on its way. Nothing was kept; send it again.`,
  );

const TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,60}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,60}$/;

/** What the sender calls it stands only where the bytes do not say otherwise; nobody takes it for more than a name. */
function typeOf(said: string | undefined, isText: boolean): string {
  const type = said?.split(";")[0]?.trim().toLowerCase() ?? "";
  const saysText = /^text\/|[/+](?:json|xml|yaml|javascript)$/.test(type);
  if (!TYPE.test(type) || saysText !== isText) return isText ? "text/plain" : "application/octet-stream";
  return type;
}
