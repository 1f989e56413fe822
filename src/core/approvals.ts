import {
  APPROVAL_MOVES,
  type Approval,
  type EventType,
  LIMITS,
  type MessageId,
  mayMove,
  type PeerId,
  RepowireError,
} from "../protocol/index.ts";
import type { Caller } from "./caller.ts";
import { type Context, emit } from "./context.ts";
import { acceptMessage, closeDelivery } from "./mailbox.ts";
import type { ApprovalRecord, PeerRecord } from "./ports.ts";
import { mustGet } from "./registry.ts";

/** Tool calls that wait for a person, relayed. Nothing is ever allowed by default or by time-out; the first verdict wins. */

export interface PermissionRequest {
  via: "hook" | "link" | "operation";
  request: string;
  tool: string;
  description?: string;
  preview: string;
  /** Its message, where the caller chose the id. */
  message?: MessageId;
}

/** The same dialog is told by the hook and by the channel; requests this close together about the same tool are one. */
const SAME_DIALOG_MS = 10_000;

export function requestApproval(
  ctx: Context,
  peer: PeerRecord,
  human: PeerRecord,
  request: PermissionRequest,
): ApprovalRecord {
  const pending = ctx.tx.approvals.pending(peer.id);
  const repeated = pending.find((other) =>
    other.requests.some((known) => known.via === request.via && known.request === request.request),
  );
  if (repeated) return repeated;
  const twin = pending.find(
    (other) =>
      other.tool === request.tool &&
      !isOfOperation(other) &&
      request.via !== "operation" &&
      ctx.now.wall - other.requested_at <= SAME_DIALOG_MS &&
      other.requests.every((known) => known.via !== request.via),
  );
  if (twin) {
    const merged: ApprovalRecord = {
      ...twin,
      description: twin.description ?? request.description,
      preview: twin.preview.length >= request.preview.length ? twin.preview : request.preview,
      requests: [...twin.requests, { via: request.via, request: request.request }],
    };
    ctx.tx.approvals.put(merged);
    return merged;
  }
  if (pending.length >= LIMITS.pendingApprovalsPerPeerMax) {
    throw new RepowireError(
      "too_many_approvals",
      `${peer.name} has ${pending.length} permission requests waiting, the most there may be. Decide this one in its own terminal.`,
    );
  }
  const { message, deliveries } = acceptMessage(ctx, {
    id: request.message ?? ctx.ids.message(),
    kind: "permission",
    from: peer,
    to: [human],
    body: request.preview.trim() === "" ? request.tool : request.preview,
    urgency: "urgent",
    hops: 0,
    expiryMs: LIMITS.permissionExpiryMs,
  });
  const approval: ApprovalRecord = {
    message: message.id,
    handle: deliveries[0]?.handle ?? "",
    peer: peer.id,
    peer_name: peer.name,
    tool: request.tool,
    description: request.description,
    preview: request.preview,
    state: "pending",
    requested_at: ctx.now.wall,
    requests: [{ via: request.via, request: request.request }],
    conversation: peer.conversation,
    expires_awake_ms: ctx.now.awake + LIMITS.permissionExpiryMs,
  };
  ctx.tx.approvals.put(approval);
  emit(ctx, {
    type: "approval.requested",
    peer: peer.id,
    message: message.id,
    data: { handle: approval.handle, tool: approval.tool, name: peer.name },
  });
  return approval;
}

/** A person's verdict. Late ones are told what was decided first. */
export function decideApproval(
  ctx: Context,
  caller: Caller,
  handle: string,
  verdict: "allow" | "deny",
  reason?: string,
): ApprovalRecord {
  const approval = ctx.tx.approvals.byHandle(handle);
  if (!approval)
    throw new RepowireError(
      "handle_unknown",
      `No permission request "${handle}". \`repowire approvals\` lists those that wait.`,
    );
  if (approval.state !== "pending") {
    throw new RepowireError(
      "already_decided",
      `${handle} is already decided: ${approval.state}${approval.detail ? ` (${approval.detail})` : ""}. Nothing was changed.`,
    );
  }
  const decided = closeApproval(ctx, approval, verdict === "allow" ? "allowed" : "denied", {
    detail: reason,
    decided_by: mustGet(ctx, caller.peer).name,
    chain: caller.chain,
  });
  ctx.effects.push({ type: "verdict", approval: decided, verdict, reason });
  return decided;
}

/** What was asked of repowire itself: no dialog in the session's terminal stands for it. */
export const isOfOperation = (approval: ApprovalRecord): boolean =>
  approval.requests.some((known) => known.via === "operation");

/** The session moved on: decided in its own terminal, interrupted, ended. Remote verdicts would be too late. */
export function withdrawApprovals(
  ctx: Context,
  peer: PeerId,
  why: string,
  only: (approval: ApprovalRecord) => boolean = (approval) => !isOfOperation(approval),
): void {
  for (const approval of ctx.tx.approvals.pending(peer)) {
    if (!only(approval)) continue;
    const closed = closeApproval(ctx, approval, "withdrawn", { detail: why });
    ctx.effects.push({ type: "verdict", approval: closed, verdict: "withdrawn" });
  }
}

export function expireApproval(ctx: Context, approval: ApprovalRecord): void {
  const closed = closeApproval(ctx, approval, "expired", { detail: "nobody decided it" });
  ctx.effects.push({ type: "verdict", approval: closed, verdict: "withdrawn" });
}

function closeApproval(
  ctx: Context,
  approval: ApprovalRecord,
  to: Exclude<Approval["state"], "pending">,
  how: { detail?: string; decided_by?: string; chain?: string },
): ApprovalRecord {
  if (!mayMove(APPROVAL_MOVES, approval.state, to)) return approval;
  const closed: ApprovalRecord = {
    ...approval,
    state: to,
    detail: how.detail,
    decided_by: how.decided_by,
    decided_at: ctx.now.wall,
  };
  ctx.tx.approvals.put(closed);
  emit(ctx, {
    type: `approval.${to}` as EventType,
    peer: approval.peer,
    message: approval.message,
    data: { handle: approval.handle, tool: approval.tool, by: how.decided_by, detail: how.detail, chain: how.chain },
  });
  for (const delivery of ctx.tx.deliveries.ofMessage(approval.message))
    closeDelivery(ctx, delivery, "cancelled", `the request is ${to}`);
  return closed;
}

export function publicApproval(approval: ApprovalRecord): Approval {
  const { requests: _r, conversation: _c, expires_awake_ms: _e, ...open } = approval;
  return open;
}
