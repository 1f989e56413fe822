import { z } from "zod";
import { Handle, MessageId, PeerId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { MessageKind } from "../messages.ts";
import { DeliveryState } from "../moves.ts";
import { peerField } from "../operation-shapes.ts";
import { CircleName, InboundPolicy, Peer, PeerName, Role } from "../peers.ts";
import { SpawnRuntime } from "../runtimes.ts";
import { type OperationShape, PEOPLE } from "./shape.ts";

/** The mesh as people order it: names, circles, roles, who may write to whom, what is held and what does not fit. */
export const MESH_OPERATIONS = {
  move: {
    purpose: "Put a peer into another circle; it keeps its id, mailbox and open questions.",
    input: z.strictObject({ peer: peerField, circle: CircleName }),
    output: z.object({ peer: Peer, was: z.string() }),
    callers: PEOPLE,
    human: true,
  },
  login_link: {
    purpose:
      "Make a link that logs one browser in to the dashboard, once; whoever opens it acts with a person's rights.",
    input: z.strictObject({}),
    output: z.object({
      url: z.string(),
      /** The same for another device, where `dashboard.public_origin` says how one reaches this machine. */
      public_url: z.string().optional(),
      expires_at: z.number().int(),
    }),
    callers: PEOPLE,
    human: true,
  },
  spawn_options: {
    purpose: "What config.yaml lists for starting sessions: folders, runtimes and profiles.",
    input: z.strictObject({}),
    output: z.object({
      folders: z.array(z.string()),
      runtimes: z.array(SpawnRuntime),
      profiles: z.array(z.object({ name: z.string(), runtime: SpawnRuntime })),
    }),
    callers: PEOPLE,
    human: true,
  },
  set_role: {
    purpose:
      "Appoint a session as orchestrator, whose messages are tasks and who reaches all circles, or take that back; it holds for the life of that session.",
    input: z.strictObject({ peer: peerField, role: z.enum(["agent", "orchestrator"]) }),
    output: z.object({ peer: Peer, was: Role }),
    callers: PEOPLE,
    human: true,
  },
  rename: {
    purpose: "Give a peer another name; it keeps its id, mailbox and open questions.",
    input: z.strictObject({ peer: peerField, name: PeerName }),
    output: z.object({ peer: Peer, was: z.string() }),
    callers: PEOPLE,
    human: true,
  },
  set_inbound: {
    purpose:
      "Decide what happens to messages for a peer: accept, hold or refuse; `auto` returns to the rule for its mode.",
    input: z.strictObject({ peer: peerField, policy: z.enum([...InboundPolicy.options, "auto"]) }),
    output: z.object({ peer: Peer, released: z.number().int() }),
    callers: PEOPLE,
    human: true,
  },
  circle_inbound: {
    purpose:
      "Decide what happens to messages for everybody in a circle who has no policy of their own; `accept` takes that away.",
    input: z.strictObject({ circle: CircleName, policy: InboundPolicy }),
    output: z.object({ circle: CircleName, policy: InboundPolicy, members: z.array(z.string()) }),
    callers: PEOPLE,
    human: true,
  },
  quiet: {
    purpose: "Hand nothing to a peer for a while; what comes meanwhile is held, and follows then. 0 seconds end it.",
    input: z.strictObject({
      peer: peerField,
      seconds: z
        .number()
        .int()
        .min(0)
        .max(LIMITS.quietMsMax / 1_000),
    }),
    output: z.object({ peer: Peer, until: z.number().int().optional(), waiting: z.number().int() }),
    callers: PEOPLE,
    human: true,
  },
  held: {
    purpose: "List the messages that are held before they reach their recipients.",
    input: z.strictObject({}),
    output: z.object({
      held: z.array(
        z.object({
          id: Handle,
          message: MessageId,
          kind: MessageKind,
          from: z.string(),
          to: z.string(),
          to_id: PeerId,
          excerpt: z.string(),
          /** Its beginning as it was written, and what was left out at its end, in UTF-16 units. */
          text: z.string(),
          rest_chars: z.number().int(),
          queued_at: z.number().int(),
          reason: z.string(),
          /** Held by the gate, so that a person can decide it here; else by the recipient's own runtime. */
          can_decide: z.boolean(),
        }),
      ),
      /** Held beyond those listed, which are the oldest. */
      more: z.number().int(),
    }),
    callers: PEOPLE,
    human: true,
  },
  decide_held: {
    purpose: "Let one held message through, or send it back with a reason for its sender.",
    input: z.strictObject({
      id: Handle,
      verdict: z.enum(["release", "refuse"]),
      reason: z.string().max(LIMITS.reasonCharsMax).optional(),
    }),
    output: z.object({ id: Handle, to: z.string(), state: DeliveryState }),
    callers: PEOPLE,
    human: true,
  },
  mismatches: {
    purpose:
      "List the deliveries of which the recipient's own record shows something else than what was recorded, the newest first.",
    input: z.strictObject({}),
    output: z.object({
      mismatches: z.array(
        z.object({
          id: Handle,
          message: MessageId,
          thread: MessageId,
          kind: MessageKind,
          from: z.string(),
          to: z.string(),
          to_id: PeerId,
          /** What was recorded of it when it was found, and by which proof. */
          ledger: z.object({ state: DeliveryState, proof: z.string().optional() }),
          /** What the session's own record showed then. */
          record: z.enum(["shown", "not_shown"]),
          /** Both in one sentence. */
          why: z.string(),
          /** What is recorded now: a receipt that was missed is made up for. */
          state: DeliveryState,
          /** Epoch milliseconds: since when that was recorded, and when it was found to differ. */
          recorded_at: z.number().int().optional(),
          found_at: z.number().int(),
        }),
      ),
    }),
    callers: ["human", "orchestrator", "service"],
  },
} as const satisfies Record<string, OperationShape>;
