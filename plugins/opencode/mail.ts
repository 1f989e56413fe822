import type { DeliverResult, Envelope, MessageId, Report } from "../../src/protocol/index.ts";
import { OPENCODE_HOLDS } from "../../src/words/index.ts";
import type { OpenCode, UserPick } from "./api.ts";
import type { Choice } from "./conversations.ts";
import { judgeTurn, type TurnVerdict } from "./judge.ts";
import { createNews } from "./news.ts";
import { outcomeOf } from "./outcome.ts";
import { promptParts, reminderPart } from "./prompt-parts.ts";
import { createQueue } from "./queue.ts";
import { createDeferred, newTurn, nextBatch, startsTurn, type Turn } from "./turn.ts";

/**
 * What comes from the mesh for this seat: its own queue, the prompts that it becomes, and how their turns end. A busy session is
 * never written to; at most one turn of ours runs, and every answer is matched by the ids of what began it.
 */
export interface Mail {
  /** Resolves for each when it is stored in a session, read as a note, or held. */
  take(items: Envelope[]): Promise<DeliverResult[]>;
  /** Not wanted any more; what a session has already stays there. */
  cancel(message: MessageId): void;
  /** Looks again whether something can go out; also lifts a hold. */
  look(): void;
  /** What may go beside the running turn of this session; `noted` when the model gets it. */
  notesFor(session: string): Envelope[];
  noted(session: string, items: Envelope[]): void;
  /** `id`: OpenCode's own for the stored prompt. */
  onStored(session: string, message: MessageId, id: string): void;
  onModelMessage(session: string, id: string, parent: string | undefined): void;
  /** A step of this model message ended. */
  onModelStep(session: string, id: string): void;
  onIdle(session: string): Promise<void>;
  onError(session: string, error: { name: string; text: string }): void;
  onRetry(session: string): void;
  onPermissionRefused(session: string): void;
  onDeleted(session: string): void;
  onCompacted(session: string): void;
  /** The model answered this question by its tool. */
  onReplied(handle: string): void;
  /** The session asked somebody: still open, or closed. */
  onOwnAsk(session: string, handle: string, isOpen: boolean): void;
  /** Questions that this session has in hand. */
  openIn(session: string): Envelope[];
  /** Whether a change of the conversation would take open questions away from where they were shown. */
  readonly holdsConversation: boolean;
}

export interface MailParts {
  api(): OpenCode;
  choose(): Choice;
  pickOf(session: string): Promise<UserPick>;
  /** As the events tell. */
  isBusy(session: string): boolean;
  markBusy(session: string): void;
  onMade(session: string): void;
  /** Called before anything is put into this conversation. */
  onConversation(session: string): void;
  report(report: Report): void;
  peerName(): string;
  /** Milliseconds; for tests. */
  timing?: { settleMs?: number; retryMs?: number; screenMs?: number };
}

/** After an idle event the store may lag behind by some milliseconds (1.18.33). */
const SETTLE_MS = 150;
const RETRY_MS = 10_000;
/** The TUI plugin starts up to two seconds after this one (1.18.33): until then nothing is held for want of its word. */
const SCREEN_MS = 6_000;
const RETRY_MS_MAX = 600_000;
export function createMail(parts: MailParts): Mail {
  const settleMs = parts.timing?.settleMs ?? SETTLE_MS;
  let retryMs = parts.timing?.retryMs ?? RETRY_MS;
  const queue = createQueue(parts.report);
  let turn: Turn | undefined;
  let isPumping = false;
  let wantsPump = false;
  let isHolding = false;
  const deferred = createDeferred();
  const news = createNews();
  const screenBy = Date.now() + (parts.timing?.screenMs ?? SCREEN_MS);
  const notedAsks = new Map<string, Envelope[]>();
  /** Given to the model with a call that has not ended yet. */
  const notesUnseen = new Map<string, Envelope[]>();

  /** Nothing can go out before a person did something; the daemon keeps it meanwhile. */
  function hold(reason: string): void {
    isHolding = true;
    const [first] = queue.items;
    if (first)
      void parts
        .api()
        .toast(`A message from ${first.from.name} waits: it goes in with your next prompt.`)
        .catch(() => {
          // No screen to say it on.
        });
    queue.settle(queue.items, { outcome: "held", reason });
  }

  function pump(): void {
    wantsPump = isPumping;
    if (isPumping) return;
    isPumping = true;
    void pumpAll()
      .catch((error) => {
        parts.api().log(`messages could not be handed over: ${String(error)}`);
        hold(`its OpenCode gave an error (${String(error).slice(0, 200)}); tried again soon`);
        retryLater();
      })
      .finally(() => {
        isPumping = false;
        // Something changed while it looked.
        if (wantsPump) pump();
      });
  }

  function retryLater(): void {
    setTimeout(release, retryMs).unref?.();
    retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
  }

  function release(): void {
    if (!isHolding) return;
    isHolding = false;
    parts.report({ type: "released" });
  }

  /** Questions that were only a note beside a turn, which ended without a reply. */
  async function followUpNotes(): Promise<void> {
    const [session, asks] = [...notedAsks].find(([id]) => !parts.isBusy(id)) ?? [];
    if (session === undefined || turn || (await parts.api().busy()).has(session)) return;
    notedAsks.delete(session);
    if (asks && asks.length > 0) await remind(session, asks);
  }

  async function pumpAll(): Promise<void> {
    await followUpNotes();
    while (queue.items.length > 0 && !turn) {
      const session = await targetSession();
      if (session === undefined || parts.isBusy(session)) return;
      if ((await parts.api().busy()).has(session)) return parts.markBusy(session);
      const info = await parts.api().session(session);
      if (!info) {
        hold(OPENCODE_HOLDS.no_conversation);
        return retryLater();
      }
      if (info.revert !== undefined) return hold(OPENCODE_HOLDS.undone);
      await promptWith(session);
    }
  }

  /** Where the queue goes now; undefined when it was held instead. */
  async function targetSession(): Promise<string | undefined> {
    const choice = parts.choose();
    switch (choice.type) {
      case "session":
        return choice.id;
      case "hold":
        if (choice.why === "screen_unknown" && Date.now() < screenBy) {
          setTimeout(pump, screenBy - Date.now()).unref?.();
          return undefined;
        }
        hold(OPENCODE_HOLDS[choice.why]);
        return undefined;
      case "create": {
        const from = queue.items[0]?.from.name ?? "a peer";
        const made = await parts.api().createSession(`repowire: ${from}`);
        parts.onMade(made);
        await parts.api().showSession(made);
        return made;
      }
      default:
        return choice satisfies never;
    }
  }

  async function promptWith(session: string): Promise<void> {
    const batch = nextBatch(queue.items);
    const isTurn = batch.some(startsTurn);
    const next = newTurn(session, batch, deferred.take(batch));
    if (isTurn) turn = next;
    else news.put(session, batch);
    showIn(session);
    try {
      const pick = await parts.pickOf(session);
      await parts.api().prompt(session, { ...pick, parts: promptParts(batch), ...(isTurn ? {} : { noReply: true }) });
    } catch (error) {
      turn = undefined;
      news.drop(batch);
      throw error;
    }
    retryMs = parts.timing?.retryMs ?? RETRY_MS;
    queue.settle(batch, { outcome: "presented" });
    if (!isTurn) for (const item of batch) parts.report({ type: "entered", message: item.message });
  }

  /** Open questions stay bound to the conversation that they were shown in. */
  function showIn(session: string): void {
    if (deferred.size === 0) parts.onConversation(session);
  }

  async function onIdle(session: string): Promise<void> {
    const ended = turn;
    if (ended?.session === session) {
      try {
        await judge(ended);
      } catch (error) {
        parts.api().log(`a turn could not be judged: ${String(error)}`);
        if (turn === ended) conclude(ended, { type: "no_answer" });
      }
    }
  }

  /** Concludes a turn, unless it still goes on. */
  async function judge(ended: Turn): Promise<void> {
    let verdict: TurnVerdict = { type: "nothing" };
    for (let look = 0; look < 4 && verdict.type === "nothing"; look++) {
      await Bun.sleep(settleMs);
      if (turn !== ended || (await parts.api().busy()).has(ended.session)) return;
      verdict = judgeTurn({
        messages: await parts.api().messages(ended.session),
        ids: new Set(ended.items.map((item) => item.message)),
        error: ended.error,
        wasRetrying: ended.wasRetrying,
      });
    }
    // An idle event that comes before the prompt is stored is about the run before.
    if (turn !== ended || (verdict.type === "nothing" && !ended.isStored)) return;
    const isTheUsers = verdict.type === "joined" && ended.asks.size > 0 && ended.ownOpen.size === 0;
    if (isTheUsers && !ended.isReminded) await remind(ended.session, [...ended.asks.values()]);
    else conclude(ended, verdict);
  }

  /** The turn that took these in belongs to its user: they get one of their own, once. */
  async function remind(session: string, asks: Envelope[]): Promise<void> {
    turn = { ...newTurn(session, asks, []), isReminded: true, isSeen: true };
    try {
      const pick = await parts.pickOf(session);
      await parts.api().prompt(session, { ...pick, parts: asks.map(reminderPart) });
    } catch (error) {
      turn = undefined;
      lose(asks, "its reminder could not be stored");
      throw error;
    }
  }

  function conclude(ended: Turn, verdict: TurnVerdict): void {
    turn = undefined;
    if (ended.ownOpen.size > 0 && (verdict.type === "answer" || verdict.type === "no_answer")) {
      deferred.add(ended.session, ended.ownOpen, ended.asks.values());
      return;
    }
    for (const ask of ended.asks.values()) {
      parts.report(
        outcomeOf(ask.message, verdict, { peer: parts.peerName(), refusedPermission: ended.refusedPermission }),
      );
    }
  }

  function lose(asks: readonly Envelope[], why: string): void {
    for (const ask of asks) {
      queue.forget(ask.message);
      parts.report({ type: "lost", message: ask.message, why });
    }
  }

  function onDeleted(session: string): void {
    news.onDeleted(session);
    if (turn?.session === session) {
      lose([...turn.asks.values()], "its session was deleted");
      turn = undefined;
    }
    lose([...deferred.takeOf(session), ...(notedAsks.get(session) ?? [])], "its session was deleted");
    notedAsks.delete(session);
  }

  const turnIn = (session: string): Turn | undefined => (turn?.session === session ? turn : undefined);

  return {
    take(items) {
      const results = Promise.all(items.map(queue.add));
      pump();
      return results;
    },
    cancel(message) {
      // Its delivery is over for the daemon already, whatever is said of it now.
      queue.settle(
        queue.items.filter((item) => item.message === message),
        { outcome: "held", reason: "withdrawn" },
      );
    },
    look() {
      if (parts.choose().type !== "hold") release();
      pump();
    },
    notesFor(session) {
      const choice = parts.choose();
      if (choice.type !== "session" || choice.id !== session) return [];
      return queue.items.filter((item) => item.urgency === "urgent" || (item.urgency === "fyi" && item.kind !== "ask"));
    },
    noted(session, items) {
      showIn(session);
      notesUnseen.set(session, [...(notesUnseen.get(session) ?? []), ...items]);
      const asks = items.filter((item) => item.kind === "ask");
      if (asks.length > 0) notedAsks.set(session, [...(notedAsks.get(session) ?? []), ...asks]);
      queue.settle(items, { outcome: "presented" });
      for (const item of items) parts.report({ type: "entered", message: item.message });
    },
    onStored(session, message, id) {
      news.onStored(session, message, id);
      const current = turnIn(session);
      if (!current?.items.some((item) => item.message === message)) return;
      current.isStored = true;
      current.prompts.add(id);
      parts.report({ type: "entered", message });
    },
    onModelMessage(session, id, parent) {
      news.onModelMessage(session, id, parent);
      const current = turnIn(session);
      if (parent !== undefined && current?.prompts.has(parent)) current.modelMessages.add(id);
    },
    onModelStep(session, id) {
      for (const item of notesUnseen.get(session) ?? [])
        parts.report({ type: "seen", message: item.message, by: "model step" });
      notesUnseen.delete(session);
      for (const message of news.readBy(session, id)) parts.report({ type: "seen", message, by: "model step" });
      const current = turnIn(session);
      if (!current?.modelMessages.has(id)) return;
      current.wasRetrying = false;
      if (current.isSeen) return;
      current.isSeen = true;
      for (const item of current.items) parts.report({ type: "seen", message: item.message, by: "model step" });
    },
    onIdle,
    onError(session, error) {
      const current = turnIn(session);
      if (current) current.error = error;
    },
    onRetry(session) {
      const current = turnIn(session);
      if (current) current.wasRetrying = true;
    },
    onPermissionRefused(session) {
      const current = turnIn(session);
      if (current) current.refusedPermission = true;
    },
    onDeleted,
    onCompacted(session) {
      lose(deferred.takeOf(session), "its conversation was compacted");
    },
    onReplied(handle) {
      for (const ask of [...(turn?.asks.values() ?? [])]) if (ask.handle === handle) turn?.asks.delete(ask.message);
      for (const [session, asks] of notedAsks)
        notedAsks.set(
          session,
          asks.filter((ask) => ask.handle !== handle),
        );
      deferred.drop(handle);
    },
    onOwnAsk(session, handle, isOpen) {
      const current = turnIn(session);
      if (isOpen) current?.ownOpen.add(handle);
      else current?.ownOpen.delete(handle);
    },
    openIn: (session) => [
      ...(turnIn(session)?.asks.values() ?? []),
      ...deferred.of(session),
      ...(notedAsks.get(session) ?? []),
    ],
    get holdsConversation() {
      return turn !== undefined || deferred.size > 0;
    },
  };
}
