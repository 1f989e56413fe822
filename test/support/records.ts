import type { ApprovalRecord, AskRecord, DeliveryRecord, PeerRecord, ScheduleRecord } from "../../src/core/ports.ts";
import type { Message, MessageId, PeerId } from "../../src/protocol/index.ts";
import { countedHandle, countedUuid } from "./counted-ids.ts";

/** Whole records for tests of the store: each has what every record has, and what the test says. */

export const peerId = (n: number): PeerId => `peer_${countedUuid(n)}`;
export const messageId = (n: number): MessageId => `msg_${countedUuid(n)}`;

export function peerRecord(n: number, change: Partial<PeerRecord> = {}): PeerRecord {
  return {
    id: peerId(n),
    seat: n,
    name: `peer-${n}`,
    circle: "default",
    role: "agent",
    runtime: "claude-code",
    machine: "laptop",
    presence: { state: "online", since: 100 },
    capabilities: ["mcp_tools"],
    identity: "proven",
    proofs: {},
    had_link: false,
    last_seen_at: 100,
    joined_at: 100,
    ...change,
  };
}

export function messageRecord(n: number, change: Partial<Message> = {}): Message {
  const body = change.body ?? `body ${n}`;
  return {
    id: messageId(n),
    kind: "notify",
    from: peerId(1),
    from_name: "peer-1",
    from_circle: "default",
    from_role: "agent",
    to: peerId(2),
    body,
    body_bytes: body.length,
    attachments: [],
    thread: messageId(n),
    urgency: "normal",
    hops: 0,
    created_at: 1_000 + n,
    expires_awake_ms: 5_000,
    ...change,
  };
}

/** Sequence number and handle follow `n`, so that different deliveries never share them. */
export function deliveryRecord(n: number, change: Partial<DeliveryRecord> = {}): DeliveryRecord {
  return {
    message: messageId(n),
    peer: peerId(2),
    handle: countedHandle(n),
    state: "queued",
    attempt: 0,
    shown_bytes: 0,
    queued_at: 1_000 + n,
    seq: n,
    kind: "notify",
    from: peerId(1),
    urgency: "normal",
    expires_awake_ms: 5_000,
    dead_rungs: [],
    possible_duplicates: 0,
    ...change,
  };
}

export function askRecord(n: number, change: Partial<AskRecord> = {}): AskRecord {
  return {
    message: messageId(n),
    handle: countedHandle(n),
    asker: peerId(1),
    askee: peerId(2),
    state: "open",
    opened_at: 1_000 + n,
    reminded: false,
    abandoned: false,
    expires_awake_ms: 5_000,
    ...change,
  };
}

export function approvalRecord(n: number, change: Partial<ApprovalRecord> = {}): ApprovalRecord {
  return {
    message: messageId(n),
    handle: countedHandle(n),
    peer: peerId(2),
    peer_name: "peer-2",
    tool: "Bash",
    preview: "rm -rf build",
    state: "pending",
    requested_at: 1_000 + n,
    requests: [{ via: "hook", request: `request-${n}` }],
    expires_awake_ms: 5_000,
    ...change,
  };
}

export function scheduleRecord(n: number, change: Partial<ScheduleRecord> = {}): ScheduleRecord {
  return {
    id: countedHandle(n),
    kind: "notify",
    from: peerId(1),
    to: peerId(2),
    text: `later ${n}`,
    urgency: "normal",
    trigger: { type: "cron", pattern: "0 9 * * 1-5", zone: "Europe/Berlin" },
    missed: "skip",
    next_at: 1_000,
    made_at: 100,
    sent: 2,
    hops: 0,
    last: { at: 900, outcome: "refused", reason: "its mailbox is full" },
    ...change,
  };
}
