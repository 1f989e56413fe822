import { attachmentFor, type Caller, noAttachment, RESULT_BODY_BYTES_MAX, seatOf } from "../core/index.ts";
import type { OperationOutput } from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** Files that came with messages, as models read them. */

export function ticketHandler(deps: OperationDeps): Handler<"upload_ticket"> {
  return async ({ caller }) => deps.files.ticket(deps.engine.read((ctx) => seatOf(ctx, caller)).id);
}

/** The next part of a text file that was sent to the caller; undefined where the id names none. A subagent may look, as with mail. */
export async function readAttachment(
  deps: OperationDeps,
  caller: Caller,
  id: string,
): Promise<Extract<OperationOutput<"inbox">, { type: "attachment" }> | undefined> {
  const found = deps.engine.read((ctx) => {
    if (!ctx.tx.shelves.attachment.get(id)) return undefined;
    const record = attachmentFor(ctx, caller, id);
    if (!record) throw noAttachment(id);
    return { record, from: ctx.tx.peers.get(record.owner)?.name ?? "a peer that left" };
  });
  if (!found) return undefined;
  const { record, from } = found;
  const { name, size, type, sha256 } = record;
  const output = { type: "attachment" as const, attachment: { id, name, size, type, sha256 }, from };
  if (!record.is_text) return output;
  const shown = record.shown[caller.peer] ?? 0;
  const offset = shown >= size ? 0 : shown;
  const { part, end } = await deps.files.readText(record, offset, RESULT_BODY_BYTES_MAX);
  if (!caller.mayBeSubagent)
    await deps.engine.run((ctx) => {
      const current = ctx.tx.shelves.attachment.get(id);
      if (current) ctx.tx.shelves.attachment.put(id, { ...current, shown: { ...current.shown, [caller.peer]: end } });
    });
  return { ...output, text: { offset, part, rest_bytes: size - end } };
}
