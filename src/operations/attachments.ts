import {
  addAttachment,
  attachmentFor,
  type BlobDraft,
  type Blobs,
  type Caller,
  checkAttachmentRoom,
  checkUploads,
  type Engine,
  forgetAttachments,
  noteAttachmentShown,
  publicAttachment,
  RESULT_BODY_BYTES_MAX,
  unknownAttachment,
} from "../core/index.ts";
import {
  type Handle,
  LIMITS,
  type OperationOutput,
  type OperationParams,
  type PeerId,
  RepowireError,
} from "../protocol/index.ts";
import { fileName } from "./file-name.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** A file that is coming in, in parts. Known to this process alone: what a restart cuts off is sent again. */
interface Upload {
  peer: PeerId;
  name: string;
  size: number;
  received: number;
  draft: BlobDraft;
  /** Awake instant of the last part. */
  at: number;
  /** A part is being written; the next one waits for its turn with its sender. */
  isBusy: boolean;
}

export function attachHandler(deps: OperationDeps): Handler<"attach"> {
  const uploads = new Map<string, Upload>();

  async function begin(caller: Caller, { name, size }: OperationParams<"attach">): Promise<[string, Upload]> {
    if (name === undefined || size === undefined)
      throw new RepowireError("invalid_input", "The first part of a file needs its name and size.");
    const { awake } = deps.clock.now();
    for (const [id, upload] of uploads) if (awake - upload.at > LIMITS.uploadIdleMs) await give(id, upload);
    const mine = [...uploads.values()].filter((upload) => upload.peer === caller.peer).length;
    checkUploads(mine);
    deps.engine.read((ctx) => checkAttachmentRoom(ctx, caller.peer, size));
    const draft = await deps.blobs.begin();
    const upload = { peer: caller.peer, name: fileName(name), size, received: 0, draft, at: awake, isBusy: false };
    const id = deps.ids.secret();
    uploads.set(id, upload);
    return [id, upload];
  }

  async function give(id: string, upload: Upload): Promise<void> {
    uploads.delete(id);
    await upload.draft.drop();
  }

  function known(caller: Caller, id: string): Upload {
    const upload = uploads.get(id);
    if (upload?.peer !== caller.peer || upload.isBusy)
      throw new RepowireError(
        "not_found",
        "That upload is not known, or not done with its last part. Send the file again.",
      );
    return upload;
  }

  return async ({ caller, params }) => {
    const [id, upload] =
      params.upload === undefined ? await begin(caller, params) : [params.upload, known(caller, params.upload)];
    upload.isBusy = true;
    try {
      const bytes = Buffer.from(params.data, "base64");
      const received = upload.received + bytes.length;
      if (received > upload.size || (bytes.length === 0 && upload.size > 0))
        throw new RepowireError("invalid_input", `The parts do not make ${upload.size} bytes. Send the file again.`);
      await upload.draft.append(bytes);
      upload.received = received;
      upload.at = deps.clock.now().awake;
      if (received < upload.size) return { upload: id, received };
      const sha256 = await upload.draft.finish();
      uploads.delete(id);
      const { peer: owner, name, size } = upload;
      const record = await deps.engine.run((ctx) => addAttachment(ctx, { owner, name, size, sha256 }));
      return { upload: id, received, attachment: publicAttachment(record) };
    } catch (error) {
      await give(id, upload);
      throw error;
    } finally {
      upload.isBusy = false;
    }
  };
}

export function attachmentHandler(deps: OperationDeps): Handler<"attachment"> {
  return async ({ caller, params }) => {
    const record = deps.engine.read((ctx) => attachmentFor(ctx, caller, params.id));
    if (!record) throw unknownAttachment(params.id);
    const offset = Math.min(params.offset ?? 0, record.size);
    const bytes = await deps.blobs.read(record.sha256, offset, params.length ?? LIMITS.attachmentChunkBytesMax);
    return {
      attachment: publicAttachment(record),
      offset,
      data: Buffer.from(bytes).toString("base64"),
      rest_bytes: Math.max(0, record.size - offset - bytes.length),
    };
  };
}

/** What a model is shown of a file: text in parts, each going on where the one before ended; of anything else the facts alone. */
export async function showAttachment(
  deps: OperationDeps,
  caller: Caller,
  id: Handle,
): Promise<OperationOutput<"inbox"> | undefined> {
  const record = deps.engine.read((ctx) => attachmentFor(ctx, caller, id));
  if (!record) return undefined;
  const shown = record.shown[caller.peer] ?? 0;
  const offset = shown >= record.size ? 0 : shown;
  const bytes = await deps.blobs.read(record.sha256, offset, RESULT_BODY_BYTES_MAX);
  const attachment = publicAttachment(record);
  const text = textOf(bytes, offset + bytes.length >= record.size);
  if (!text) return { type: "attachment", attachment, offset: 0, rest_bytes: record.size };
  const end = offset + text.bytes;
  if (!caller.mayBeSubagent) await deps.engine.run((ctx) => noteAttachmentShown(ctx, id, caller.peer, end));
  return { type: "attachment", attachment, part: text.part, offset, rest_bytes: record.size - end };
}

/** The bytes as text, without a character that is cut at the end; undefined where they are none. */
function textOf(bytes: Uint8Array, isEnd: boolean): { part: string; bytes: number } | undefined {
  if (bytes.includes(0)) return undefined;
  // A character of UTF-8 has four bytes at most.
  for (let cut = 0; cut <= (isEnd ? 0 : 3); cut++) {
    const whole = bytes.subarray(0, bytes.length - cut);
    try {
      return { part: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(whole), bytes: whole.length };
    } catch {
      // Cut in the middle of a character, or no text at all.
    }
  }
  return undefined;
}

/** Removes files whose messages are gone, or that never went with one. */
export async function keepAttachments({ engine, blobs }: { engine: Engine; blobs: Blobs }): Promise<void> {
  await blobs.keepOnly(await engine.run((ctx) => forgetAttachments(ctx)));
}
