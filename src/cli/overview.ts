import { existsSync } from "node:fs";
import { probeDaemon } from "../client/index.ts";
import { homePaths } from "../platform/paths.ts";
import {
  type Approval,
  type Mesh,
  type OperationOutput,
  type Pause,
  type Peer,
  RepowireError,
} from "../protocol/index.ts";
import type { CliContext } from "./context.ts";

/** A question to the caller that is open; that it was listed proves no reading of it. */
export interface OpenQuestion {
  id: string;
  from: string;
  text: string;
  asked_at: number;
}

/** The mesh at one moment, with everything in it that waits for a person. What the caller may not see is left empty. */
export interface Overview {
  peers: Peer[];
  /** The caller's own unread mail, and the questions that it has to answer. */
  you: { name: string; unread: number; to_answer: number };
  approvals: Approval[];
  /** The newest of the questions to the caller. */
  questions: OpenQuestion[];
  held: OperationOutput<"held">["held"];
  pauses: Pause[];
  /** Deliveries whose record differs from the recipient's own. */
  mismatches: number;
  schedules: number;
  /** Whether `repowire setup` has connected anything. */
  is_set_up: boolean;
}

export async function collectOverview(context: CliContext, mesh: Mesh): Promise<Overview> {
  const [{ peers }, { peer: me }, approvals, held, pauses, schedules, health] = await Promise.all([
    mesh.peers({}),
    mesh.whoami({}),
    orNothing(mesh.approvals({})),
    orNothing(mesh.held({})),
    orNothing(mesh.pauses({})),
    mesh.schedules({}),
    context.running().then(probeDaemon),
  ]);
  const toAnswer = me.open_asks?.to_answer ?? 0;
  return {
    peers,
    you: { name: me.name, unread: me.unread, to_answer: toAnswer },
    approvals: approvals?.approvals ?? [],
    questions: toAnswer > 0 ? await questionsTo(mesh, me) : [],
    held: held?.held ?? [],
    pauses: pauses?.pauses ?? [],
    mismatches: health?.counts?.mismatches ?? 0,
    schedules: schedules.schedules.length,
    is_set_up: existsSync(homePaths(context.home).setupRecord),
  };
}

/** From the history: the inbox would count as read what it shows. */
async function questionsTo(mesh: Mesh, me: Peer): Promise<OpenQuestion[]> {
  const { messages } = await mesh.history({ peer: me.id, kind: "ask" });
  return messages.flatMap(({ ask, from, to, text, at }) => {
    const mine = to.find(({ peer_id }) => peer_id === me.id);
    return mine && ask === "open" ? [{ id: mine.id, from, text, asked_at: at }] : [];
  });
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

export const STATES: Peer["presence"]["state"][] = ["waiting", "limited", "busy", "online", "offline"];

export const byName = (a: Peer, b: Peer): number => a.name.localeCompare(b.name) || a.circle.localeCompare(b.circle);

/** Who waits on a person first, and of those who has waited longest; then who is at its limit, who works, who is idle. */
export const byState = (a: Peer, b: Peer): number => {
  const rank = ({ presence }: Peer) => STATES.indexOf(presence.state);
  const isStuck = a.presence.state === "waiting" || a.presence.state === "limited";
  return rank(a) - rank(b) || (isStuck ? a.presence.since - b.presence.since : 0) || byName(a, b);
};
