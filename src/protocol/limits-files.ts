import type { Limit } from "./limit.ts";

/** Limits of files that go with messages. */
export const FILE_LIMITS = {
  attachmentBytesMax: {
    value: 10_000_000,
    unit: "bytes",
    why: "One file that goes with a message: logs, patches and screenshots fit; what is larger belongs into a repository.",
  },
  attachmentChunkBytesMax: {
    value: 262_144,
    unit: "bytes",
    why: "A file travels in parts that fit into a frame.",
  },
  attachmentsPerMessageMax: { value: 8, unit: "count", why: "Each is a line in what the recipient's model reads." },
  attachmentsUnsentMax: {
    value: 32,
    unit: "count",
    why: "Files of one peer that went with no message yet; an agent that has more is in a loop.",
  },
  attachmentUnsentMs: {
    value: 3_600_000,
    unit: "ms",
    why: "How long a file waits for the message that it goes with.",
  },
  attachmentsPerPeerMax: {
    value: 300,
    unit: "count",
    why: "Files of one peer that are kept; an agent that sends more within a month is in a loop.",
  },
  attachmentsBytesPerPeerMax: {
    value: 250_000_000,
    unit: "bytes",
    why: "Kept files of one peer: no single one uses up what all share.",
  },
  diskReserveBytes: {
    value: 67_108_864,
    unit: "bytes",
    why: "Files are refused before the disk is full: the last 64 MiB are for the database, which must go on.",
  },
  uploadMs: {
    value: 120_000,
    unit: "ms",
    why: "The largest file over loopback takes a second or two; an HTTP upload that takes longer is held open.",
  },
  attachmentsMax: { value: 2_000, unit: "count", why: "Files that are kept; what is known of each is in memory." },
  attachmentsBytesMax: {
    value: 1_000_000_000,
    unit: "bytes",
    why: "All kept files together; they go with their messages (`retention_days`).",
  },
  uploadsPerPeerMax: { value: 4, unit: "count", why: "Files that one peer is sending in parts at the same time." },
  uploadIdleMs: { value: 60_000, unit: "ms", why: "An upload whose next part has not come for so long was given up." },
} as const satisfies Record<string, Limit>;
