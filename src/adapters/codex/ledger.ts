import { answerByTurn, type Context, endTurn, enter, openAskTo, see, type TurnInput } from "../../core/index.ts";
import type { PeerId } from "../../protocol/index.ts";
import { hookFrames, limitUntil, readTail } from "./rollout.ts";
import { limitFromText, type TurnView } from "./turns.ts";

/** What Codex's turns say about our messages, told to core: what entered, what was seen, how questions end. */
export interface TurnLedger {
  /** The newest turns, oldest first. Repeats change nothing. */
  takeTurns(ctx: Context, views: readonly TurnView[]): void;
  /** What of ours entered this turn, and what of it the model has seen. */
  takeTurn(ctx: Context, view: TurnView): void;
  takeHookFrames(ctx: Context): void;
  /** Another thread begins: its turns from before say nothing new. */
  begin(): void;
}

const JUDGED_KEPT = 100;
const DOUBT_MS = 400;

export function createTurnLedger(parts: {
  peer: PeerId;
  /** The rollout of the thread that is shown. */
  rollout(): string | undefined;
  lookAgain(): void;
}): TurnLedger {
  const peerId = parts.peer;
  const doubts = new Map<string, number>();
  let judged: string[] = [];
  let isFirstLook = true;

  function applyTurn(ctx: Context, view: TurnView): void {
    if (judged.includes(view.id)) return;
    takeTurn(ctx, view);
    if (view.state === "running" || (view.state === "interrupted" && isDoubtful(view))) return;
    judged = [...judged, view.id].slice(-JUDGED_KEPT);
    // Turns from before this daemon: only questions that are still open are judged by them.
    if (isFirstLook && !view.ours.some((input) => openAskTo(ctx, peerId, input.message))) return;
    judge(ctx, view);
  }

  /**
   * A turn that fails is listed as interrupted for a moment, before its error is written down (0.169.0): only what still stands a
   * little later was the user's Esc.
   */
  function isDoubtful(view: TurnView): boolean {
    const since = doubts.get(view.id);
    if (since !== undefined && Date.now() - since >= DOUBT_MS) {
      doubts.delete(view.id);
      return false;
    }
    if (since === undefined) {
      doubts.set(view.id, Date.now());
      setTimeout(parts.lookAgain, DOUBT_MS + 20);
    }
    return true;
  }

  function takeInput(ctx: Context, view: TurnView, input: TurnView["ours"][number]): void {
    const main = ctx.tx.deliveries.get(input.message, peerId);
    if (!main || main.attempt !== input.attempt) return;
    const carried = input.handles.flatMap((handle) => {
      const delivery = ctx.tx.deliveries.byHandle(handle);
      return delivery?.peer === peerId && delivery.message !== main.message ? [delivery] : [];
    });
    for (const delivery of [main, ...carried]) {
      // Used up by a usage limit before: its turn stays in the list and says nothing new.
      if (view.isLimit && delivery.state === "queued") continue;
      const entered = enter(ctx, delivery, "turn");
      if (input.isSeen) see(ctx, entered, "turn");
    }
  }

  /** What a hook handed over stands in the rollout, which is read only while such a receipt is due. */
  function takeHookFrames(ctx: Context): void {
    const due = ctx.tx.deliveries.inStates(peerId, ["presented"]).filter((delivery) => delivery.rung === "hook");
    const rollout = parts.rollout();
    if (due.length === 0 || !rollout) return;
    for (const frame of hookFrames(readTail(rollout))) {
      const delivery = due.find((candidate) => candidate.handle === frame.handle);
      if (!delivery) continue;
      const entered = enter(ctx, delivery, "rollout");
      if (frame.isSeen) see(ctx, entered, "rollout");
    }
  }

  function takeTurn(ctx: Context, view: TurnView): void {
    for (const input of view.ours) takeInput(ctx, view, input);
  }

  function judge(ctx: Context, view: TurnView): void {
    const end = { inputs: inputsOf(view), wasContinued: false, canRemind: false };
    switch (view.state) {
      case "interrupted":
        endTurn(ctx, peerId, { ...end, outcome: "interrupted" });
        return;
      case "failed": {
        const error = view.error ?? "no details";
        if (!view.isLimit) return void endTurn(ctx, peerId, { ...end, outcome: "model_error", error });
        const rollout = parts.rollout();
        const until = (rollout && limitUntil(readTail(rollout))) || limitFromText(error, ctx.now.wall);
        endTurn(ctx, peerId, { ...end, outcome: "limited", error, limitedUntil: until || undefined });
        return;
      }
      case "completed":
        answerFrom(ctx, view);
        endTurn(ctx, peerId, { ...end, outcome: "done" });
        return;
      case "running":
        return;
      default:
        view.state satisfies never;
    }
  }

  /**
   * What was meant for the reply tool while the daemon was away goes first: it names its question. Then the last text of the turn answers
   * every question that began or joined it. Not where the user began or joined it (that text is
   * theirs), and not where the session itself has asked somebody and waits for that answer.
   */
  function answerFrom(ctx: Context, view: TurnView): void {
    for (const { handle, text } of view.unsent) {
      const delivery = ctx.tx.deliveries.byHandle(handle);
      if (delivery?.peer === peerId) answerByTurn(ctx, peerId, delivery.message, text);
    }
    const text = view.answer?.trim();
    if (view.hasOthers || !text) return;
    for (const { message } of view.ours) {
      const from = ctx.tx.deliveries.get(message, peerId)?.entered_at ?? 0;
      if (ctx.tx.asks.openFrom(peerId).some((own) => own.opened_at >= from)) continue;
      answerByTurn(ctx, peerId, message, text);
    }
  }

  return {
    takeTurns(ctx, views) {
      for (const view of views) applyTurn(ctx, view);
      isFirstLook = false;
    },
    takeTurn,
    takeHookFrames,
    begin() {
      isFirstLook = true;
    },
  };
}

/** What went into a turn, in core's terms. */
export function inputsOf(view: TurnView): TurnInput[] {
  const ours: TurnInput[] = view.ours.map((input) => ({ type: "delivery", message: input.message }));
  return view.hasOthers ? [...ours, { type: "user" }] : ours;
}
