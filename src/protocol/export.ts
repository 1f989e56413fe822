import { z } from "zod";
import { Attachment } from "./attachments.ts";
import { MeshEvent } from "./events.ts";
import { Ask, Delivery, Message } from "./messages.ts";
import { Peer } from "./peers.ts";
import { EXPORT_FORMAT, EXPORT_VERSION } from "./run-file.ts";

/** Who took part. A seat that is gone is known by its messages only. */
export const ExportedPeer = Peer.pick({
  id: true,
  name: true,
  circle: true,
  role: true,
  runtime: true,
  machine: true,
  path: true,
});
export type ExportedPeer = z.infer<typeof ExportedPeer>;

/** As stored; without its body, and its files' names, where bodies were left out. `body_bytes` says how long it is. */
export const ExportedMessage = Message.extend({
  body: z.string().optional(),
  attachments: z.array(Attachment.partial({ name: true })),
});
export type ExportedMessage = z.infer<typeof ExportedMessage>;

export const ExportHeader = z.object({
  type: z.literal("export"),
  format: z.literal(EXPORT_FORMAT),
  version: z.literal(EXPORT_VERSION),
  /** The program that wrote it. */
  repowire: z.string(),
  /** Epoch milliseconds. */
  exported_at: z.number().int(),
  /** Identity of the database: event numbers mean something within it only. */
  epoch: z.string(),
  bodies: z.boolean(),
  since: z.number().int().optional(),
  thread: z.string().optional(),
});
export type ExportHeader = z.infer<typeof ExportHeader>;

/** One line of the file. The header is the first, `end` the last: without it the file was cut off. */
export const ExportLine = z.discriminatedUnion("type", [
  ExportHeader,
  z.object({ type: z.literal("peer"), peer: ExportedPeer }),
  z.object({ type: z.literal("message"), message: ExportedMessage }),
  z.object({ type: z.literal("delivery"), delivery: Delivery }),
  z.object({ type: z.literal("ask"), ask: Ask }),
  z.object({ type: z.literal("event"), event: MeshEvent }),
  z.object({ type: z.literal("end"), lines: z.number().int() }),
]);
export type ExportLine = z.infer<typeof ExportLine>;

/** What one page of the `export` operation brings: whole records, with all events of each message. */
export const ExportPage = z.object({
  peers: z.array(ExportedPeer),
  messages: z.array(ExportedMessage),
  deliveries: z.array(Delivery),
  asks: z.array(Ask),
  events: z.array(MeshEvent),
  epoch: z.string(),
  /** Where to go on; absent: that was all. */
  cursor: z.number().int().optional(),
});
export type ExportPage = z.infer<typeof ExportPage>;
