import { probeDaemon } from "../client/index.ts";
import {
  type Approval,
  type Mesh,
  type OperationOutput,
  type Pause,
  type Peer,
  RepowireError,
} from "../protocol/index.ts";
import type { CliContext } from "./context.ts";

/** The mesh at one moment, with everything in it that waits for a person. What the caller may not see is left empty. */
export interface Overview {
  peers: Peer[];
  /** The caller's own unread mail, and the questions that it has to answer. */
  you: { name: string; unread: number; to_answer: number };
  approvals: Approval[];
  held: OperationOutput<"held">["held"];
  pauses: Pause[];
  /** Deliveries whose record differs from the recipient's own. */
  mismatches: number;
  schedules: number;
}

export async function collectOverview(context: CliContext, mesh: Mesh): Promise<Overview> {
  const [{ peers }, you, approvals, held, pauses, schedules, health] = await Promise.all([
    mesh.peers({}),
    mesh.whoami({}),
    orNothing(mesh.approvals({})),
    orNothing(mesh.held({})),
    orNothing(mesh.pauses({})),
    mesh.schedules({}),
    context.running().then(probeDaemon),
  ]);
  const { name, unread, open_asks } = you.peer;
  return {
    peers,
    you: { name, unread, to_answer: open_asks?.to_answer ?? 0 },
    approvals: approvals?.approvals ?? [],
    held: held?.held ?? [],
    pauses: pauses?.pauses ?? [],
    mismatches: health?.counts?.mismatches ?? 0,
    schedules: schedules.schedules.length,
  };
}

/** Undefined for what is not the caller's to see: an agent is not told what waits for people. */
export async function orNothing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof RepowireError && (error.code === "forbidden" || error.code === "human_required"))
      return undefined;
    throw error;
  }
}

/** How many things wait for the caller. */
export const waitingFor = ({ approvals, held, pauses, mismatches, you }: Overview): number =>
  approvals.length + held.filter((one) => one.can_decide).length + pauses.length + mismatches + you.to_answer;
