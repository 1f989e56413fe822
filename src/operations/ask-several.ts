import { type Caller, openAsk, resolvePeer, seatOf, type Waiting } from "../core/index.ts";
import {
  type AskOutcome,
  LIMITS,
  type MessageId,
  type OperationParams,
  type PeerId,
  RepowireError,
  type RollUp,
} from "../protocol/index.ts";
import { boundedWait, takeOver, waitFor } from "./ask.ts";
import { runSending } from "./guarded.ts";
import { rollUp } from "./roll-up.ts";
import { idForAskee } from "./several-ids.ts";
import type { Handler, OperationDeps } from "./types.ts";
import type { Wait } from "./waits.ts";

type Params = OperationParams<"ask_several">;
type NotAsked = RollUp["not_asked"][number];

interface Asked {
  message: MessageId;
  outcome: AskOutcome;
  waitMs: number;
  wait?: Wait;
}

/**
 * One ask for each peer, with everything that an ask has; only the waiting is shared. Each is opened in a decision of its own, so that a
 * refusal concerns one recipient. Whoever cannot answer now is not waited for, but what comes of it meanwhile is in the result.
 */
export function askSeveralHandler(deps: OperationDeps): Handler<"ask_several"> {
  return async ({ caller, params, options }) => {
    const found = recipients(deps, caller, params.peers);
    const call = deps.ids.secret();
    const opened = await Promise.all(
      found.map((to) => ("code" in to ? to : open(deps, caller, params, to, { call, onProgress: options.onProgress }))),
    );
    const asked = opened.filter((one): one is Asked => "outcome" in one);
    const notAsked = opened.filter((one): one is NotAsked => "code" in one);
    const fault = opened.find((one): one is Fault => "fault" in one);
    // What was opened before the fault is a question all the same, but no call waits for it.
    const outcomes = await waitForAll(deps, asked, fault ? AbortSignal.abort() : options.signal);
    if (fault) throw fault.fault;
    const [first] = notAsked;
    if (asked.length === 0 && first) {
      const reasons = notAsked.map(({ peer, reason }) => `${peer}: ${reason}`).join(" ");
      throw new RepowireError(first.code, notAsked.length === 1 ? first.reason : `Nobody was asked. ${reasons}`);
    }
    return { asked: await rollUp(deps, outcomes, notAsked), not_asked: notAsked };
  };
}

type Recipient = { peer: PeerId; name: string };

/** Each peer once, in the order given; a name that fits none, with the reason. */
function recipients(deps: OperationDeps, caller: Caller, names: readonly string[]): (Recipient | NotAsked)[] {
  if (names.length > LIMITS.askedAtOnceMax) {
    throw new RepowireError(
      "too_many_recipients",
      `${names.length} peers were named; one call asks at most ${LIMITS.askedAtOnceMax}. Ask those it concerns.`,
    );
  }
  const known = new Set<string>();
  return deps.engine
    .read((ctx) => {
      const asker = seatOf(ctx, caller);
      return names.map((name): Recipient | NotAsked => {
        try {
          const peer = resolvePeer(ctx, asker, name);
          return { peer: peer.id, name: peer.name };
        } catch (error) {
          return refusalOf(name, error);
        }
      });
    })
    .filter((one) => {
      const isNew = !known.has(one.peer);
      known.add(one.peer);
      return isNew;
    });
}

function refusalOf(peer: string, error: unknown): NotAsked {
  if (!(error instanceof RepowireError)) throw error;
  return { peer, code: error.code, reason: error.message };
}

interface Fault {
  fault: unknown;
}

async function open(
  deps: OperationDeps,
  caller: Caller,
  params: Params,
  to: Recipient,
  { call, onProgress }: { call: string; onProgress?: (text: string) => void },
): Promise<Asked | NotAsked | Fault> {
  const asked = params.wait_seconds === undefined ? LIMITS.waitMsDefault : params.wait_seconds * 1000;
  const wait =
    asked > 0
      ? deps.waits.open(deps.ids.secret(), onProgress && ((text) => onProgress(`${to.name}: ${text}`)))
      : undefined;
  try {
    const opened = await runSending(deps, caller.peer, (ctx) => {
      const asker = seatOf(ctx, caller);
      const waitMs = boundedWait(asker.runtime, asked);
      const waiting: Waiting | undefined = wait && {
        id: wait.id,
        canTakeQuestion: true,
        call: { id: call, returns_by: ctx.now.awake + waitMs },
      };
      const { ask, outcome } = openAsk(ctx, {
        asker,
        askee: resolvePeer(ctx, asker, to.peer),
        question: params.question,
        urgency: params.urgency ?? "normal",
        message: params.message && idForAskee(params.message, to.peer),
        traceparent: params.traceparent,
        attachments: params.attachments,
        wait: waiting,
      });
      return { message: ask.message, outcome, waitMs };
    });
    return { ...opened, wait };
  } catch (error) {
    wait?.close();
    return error instanceof RepowireError ? refusalOf(to.name, error) : { fault: error };
  }
}

/**
 * Until each has answered or cannot, or the time is over. A question that stands before one of them ends it for all: the session must
 * come back to answer it.
 */
async function waitForAll(
  deps: OperationDeps,
  asked: readonly Asked[],
  signal: AbortSignal | undefined,
): Promise<AskOutcome[]> {
  const mustReturn = new AbortController();
  const either = signal ? AbortSignal.any([signal, mustReturn.signal]) : mustReturn.signal;
  const noteQuestion = (outcome: AskOutcome): AskOutcome => {
    if (outcome.state === "asked_first") mustReturn.abort();
    return outcome;
  };
  for (const one of asked) noteQuestion(one.outcome);
  return Promise.all(
    asked.map(async ({ wait, outcome, message, waitMs }) => {
      try {
        if (outcome.state !== "pending") return outcome;
        if (!wait) return await takeOver(deps, outcome, message);
        return noteQuestion(await waitFor(deps, wait, message, waitMs, either));
      } finally {
        wait?.close();
      }
    }),
  );
}
