import type { Limit } from "./limit.ts";

/** Limits of messages for later: at a time, or when a peer comes to something. */
export const LATER_LIMITS = {
  schedulesPerPeerMax: {
    value: 32,
    unit: "count",
    why: "Messages that one peer may have waiting for a time or for another peer; an agent that plans more is in a loop.",
  },
  schedulesMax: {
    value: 1_000,
    unit: "count",
    why: "Scheduled messages of all peers: all are looked at once a second.",
  },
  scheduleHorizonMs: {
    value: 34_560_000_000,
    unit: "ms",
    why: "400 days: a time further away is a slip of the pen, or not for a machine like this one.",
  },
  scheduleEveryMs: {
    value: 60_000,
    unit: "ms",
    why: "The shortest distance of a repeated message: what comes more often is a poll, and each costs a turn.",
  },
  scheduleLateMs: {
    value: 60_000,
    unit: "ms",
    why: "Later than this a time was missed, as the daemon did not run or the machine slept. Looks are a second apart.",
  },
  scheduleTextBytesMax: {
    value: 16_384,
    unit: "bytes",
    why: "A scheduled message is held in memory until it goes: an instruction for later, not a document.",
  },
  lateSchedulesPerMinuteMax: {
    value: 6,
    unit: "count",
    why: "What one peer had planned for a time that was missed comes at this pace: after a night's sleep not all at once.",
  },
  scheduleKeptMs: {
    value: 604_800_000,
    unit: "ms",
    why: "A week: how long the list shows a scheduled message that came to nothing.",
  },
  watchExpiryMs: {
    value: 86_400_000,
    unit: "ms",
    why: "How long a message waits for another peer; as long as a question is kept.",
  },
  watchIdleMs: {
    value: 5_000,
    unit: "ms",
    why: "How long a session is idle before it counts as done: between two turns it is idle for a moment.",
  },
} as const satisfies Record<string, Limit>;
