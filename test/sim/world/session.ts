import type { Link } from "../../../src/client/index.ts";
import { connectLink } from "../../../src/client/link.ts";
import type { SessionStart, TurnInput } from "../../../src/core/index.ts";
import {
  type AskOutcome,
  asRepowireError,
  carriedMessages,
  type DeliverResult,
  type Envelope,
  LIMITS,
  type MessageId,
  type OperationName,
  type OperationOutput,
  type PeerId,
  RepowireError,
} from "../../../src/protocol/index.ts";
import type { Chance } from "./chance.ts";
import { TOKEN } from "./daemon.ts";
import type { Fact, HookEvent, HookedSession, HookReply } from "./hook-adapter.ts";
import type { Loop } from "./loop.ts";
import type { Network } from "./network.ts";
import { createProcess, type SimProcess } from "./process.ts";
import { type Call, key, type Truth, type Way } from "./truth.ts";

/**
 * A session of an agent CLI: its process, the process that holds its link, what its model has in its context, and a model that answers,
 * forgets, asks back, declines, errs and runs into limits. `hooked` sessions are followed from outside by hooks and a transcript and may
 * lose a push without a word; `linked` ones have a plugin inside that tells everything over the link itself.
 */
export interface Session extends HookedSession {
  readonly kind: SessionKind;
  readonly seat: { id: PeerId; name: string } | undefined;
  readonly agent: SimProcess;
  readonly linkProcess: SimProcess;
  readonly link: Link | undefined;
  readonly isIdle: boolean;
  /** Changes whenever the model forgets what it held. */
  readonly memory: number;
  readonly pendingAsks: readonly { id: string; message: MessageId; to: string; text: string }[];
  begin(resume: boolean): void;
  /** The user writes; `plan` is what the model then does. In a running turn only the plan is done. */
  prompt(plan: Plan): void;
  /** The user writes while a turn runs. */
  joinTurn(): void;
  interrupt(): void;
  clear(): void;
  compact(): void;
  dieAfter(what: "agent" | "link", steps: number): void;
}

export type SessionKind = "hooked" | "linked";
export type Plan =
  | { type: "ask"; to: string; text: string; message: MessageId; waitSeconds: number; urgency: Urgency }
  | { type: "notify"; to: string; text: string; message: MessageId; urgency: Urgency }
  | { type: "broadcast"; text: string; message: MessageId }
  | { type: "inbox" }
  | { type: "look"; id: string; waitSeconds?: number }
  | { type: "cancel"; id: string }
  | { type: "forge"; id: string; message: MessageId }
  | { type: "nothing" };
export type Urgency = "fyi" | "normal" | "urgent";

export interface SessionParts {
  index: number;
  kind: SessionKind;
  path: string;
  circle: string | undefined;
  loop: Loop;
  chance: Chance;
  network: Network;
  truth: Truth;
  newMessage(): MessageId;
  newInstance(process: SimProcess): NonNullable<SessionStart["instance"]>;
  /** Where the daemon is; may start it. Rejects while it is not there. */
  locate(mayStart: boolean): Promise<void>;
  hook(session: HookedSession, event: HookEvent): Promise<HookReply>;
  hookPrinted(session: HookedSession, lease: string): void;
  seatOf(instance: NonNullable<SessionStart["instance"]>): { id: PeerId; name: string } | undefined;
  /** The last phase of a history: everybody behaves. */
  isCalm(): boolean;
}

type Input = { type: "user" } | { type: "mail"; item: Envelope };

interface Turn {
  inputs: Input[];
  calls: number;
  isCut: boolean;
  isEnding: boolean;
  wasContinued: boolean;
  abort: AbortController;
}

/** Longest that a call may stay without any answer beyond its own wait; the client gives up after 15 s. */
const PATIENCE_MS = 16_000;

export function createSession(parts: SessionParts): Session {
  const { loop, chance, truth, kind } = parts;
  let agent = createProcess(loop, chance, "not begun");
  agent.kill();
  let linkProcess = agent;
  let link: Link | undefined;
  let start: SessionStart;
  let conversation = "";
  let conversations = 0;
  let memory = 0;
  let transcript: Fact[] = [];
  let status: "idle" | "busy" = "idle";
  let turn: Turn | undefined;
  let queue: Envelope[] = [];
  /** In the conversation, but nothing was said since: what the model says next it says having read it. */
  /** What is in the conversation and the model has said nothing since, with the seat that it came to: a resumed one speaks before it has its seat again. */
  let unread: { message: MessageId; peer: PeerId | undefined }[] = [];
  let known: { id: PeerId; name: string } | undefined;
  let turns = 0;
  const toAnswer = new Map<MessageId, Envelope>();
  const pendingAsks: { id: string; message: MessageId; to: string; text: string }[] = [];

  function seat(): { id: PeerId; name: string } | undefined {
    known ??= start?.instance && parts.seatOf(start.instance);
    return known;
  }
  const who = () => seat()?.name ?? `session ${parts.index}`;
  const later = (ms: number, run: () => void) => void agent.clock.after(ms, run);

  function begin(resume: boolean): void {
    if (agent.alive) return;
    agent = createProcess(loop, chance, `agent ${parts.index}`);
    const instance = parts.newInstance(agent);
    if (!resume || conversation === "") {
      conversation = `c${parts.index}-${++conversations}`;
      transcript = [];
      unread = [];
      toAnswer.clear();
    }
    memory++;
    [turn, queue, known, status] = [undefined, [], undefined, "idle"];
    pendingAsks.length = 0;
    start = {
      runtime: kind === "hooked" ? "claude-code" : "opencode",
      role: "agent",
      instance,
      conversation,
      path: parts.path,
      circle: parts.circle,
      capabilities: [],
      identity: "proven",
    };
    linkProcess = kind === "hooked" ? createProcess(loop, chance, `link ${parts.index}`) : agent;
    const ofAgent = linkProcess;
    agent.onDeath(() => {
      ofAgent.kill();
      abandonCalls();
    });
    ofAgent.onDeath(abandonCalls);
    openLink();
  }

  function openLink(): void {
    const holder = linkProcess;
    const claim = start;
    const opened = connectLink({
      async locate(mayStart) {
        await parts.locate(mayStart);
        return { url: "ws://daemon", token: TOKEN };
      },
      session: () => ({
        runtime: claim.runtime,
        process: claim.instance ?? { pid: 1, started: "", boot: "" },
        link_pid: 1,
        conversation,
        path: parts.path,
        circle: parts.circle,
      }),
      client: { name: "simulated", version: "1" },
      capabilities: [],
      onDeliver: take,
      onState(state, detail) {
        if (state === "refused" && agent.alive && holder.alive)
          truth.violate("links come back", `${who()} was refused: ${detail}`);
      },
      time: holder.time,
      openSocket: parts.network.socketsOf(holder),
    });
    link = opened;
    holder.clock.after(chance.int(0, 400), () => opened.ready());
    holder.onDeath(() => {
      if (link === opened) link = undefined;
    });
  }

  function abandonCalls(): void {
    for (const call of truth.calls) if (call.caller === known?.id && !call.settled) call.isOrphan = true;
  }

  function land(item: Pick<Envelope, "message" | "attempt">, way: Way, isReal: boolean): void {
    if (!agent.alive) return;
    const mine = seat();
    if (!mine) {
      truth.violate("none to a wrong peer", `${item.message} reached a process without a seat`);
      return;
    }
    truth.note(
      `${mine.name} gets ${item.message.slice(-4)}/${item.attempt} by ${way}${isReal ? "" : " (it vanishes)"}`,
    );
    truth.landings.push({
      message: item.message,
      attempt: item.attempt,
      peer: mine.id,
      instance: start.instance?.pid ?? 0,
      memory,
      way,
      isReal,
      order: truth.landings.length,
    });
  }

  async function take(items: Envelope[]): Promise<DeliverResult[]> {
    if (items.length > LIMITS.deliverItemsMax)
      truth.violate("every limit holds", `${items.length} items in one deliver`);
    const results = items.map((item): DeliverResult => {
      const { message, attempt } = item;
      const isCalm = parts.isCalm();
      if (kind === "linked" && !isCalm && chance.is(0.06)) {
        const outcome = chance.pick(["held", "refused", "unreachable"] as const);
        return { message, attempt, outcome, reason: "as simulated" };
      }
      const vanishes = kind === "hooked" && !isCalm && chance.is(status === "busy" ? 0.15 : 0.04);
      land(item, "push", !vanishes);
      if (!vanishes) queue.push(item);
      return { message, attempt, outcome: "presented" };
    });
    later(chance.int(1, 50), tick);
    if (chance.is(0.2)) await new Promise<void>((resolve) => linkProcess.clock.after(chance.int(1, 400), resolve));
    return results;
  }

  function tick(): void {
    if (turn || queue.length === 0) return;
    const taken = kind === "hooked" ? queue.splice(0, 1) : queue.splice(0);
    startTurn(taken.map((item) => ({ type: "mail", item })));
  }

  function startTurn(inputs: Input[], plan: Plan = { type: "nothing" }): void {
    status = "busy";
    const current: Turn = {
      inputs,
      calls: 0,
      isCut: false,
      isEnding: false,
      wasContinued: false,
      abort: new AbortController(),
    };
    turn = current;
    if (kind === "linked") link?.report({ type: "turn_started" });
    for (const input of inputs) takeIn(input);
    if (kind === "hooked") {
      const given = inputs.map(
        (input): TurnInput =>
          input.type === "user" ? { type: "user" } : { type: "delivery", message: input.item.message },
      );
      current.calls++;
      void hook({ type: "prompt", inputs: given }).then((reply) => {
        takeHookItems(current, reply);
        current.calls--;
        later(chance.int(10, 1_500), () => think(current, plan));
      });
      return;
    }
    later(chance.int(10, 1_500), () => think(current, plan));
  }

  function takeIn(input: Input): void {
    if (input.type === "user") {
      transcript.push({ type: "user" });
      return;
    }
    const { message } = input.item;
    transcript.push({ type: "frame", message });
    if (kind === "linked") link?.report({ type: "entered", message });
    unread.push({ message, peer: seat()?.id });
    if (input.item.kind === "ask") toAnswer.set(message, input.item);
  }

  /** A hook that nobody answers in time is let go. */
  function hook(event: HookEvent): Promise<HookReply> {
    return parts.hook(self, event);
  }

  function takeHookItems(current: Turn, reply: HookReply): void {
    if (reply.items.length === 0 || current !== turn || current.isCut || !agent.alive) return;
    for (const item of reply.items) {
      land(item, "hook", true);
      current.inputs.push({ type: "mail", item });
      takeIn({ type: "mail", item });
    }
    if (reply.lease) parts.hookPrinted(self, reply.lease);
  }

  const isOver = (current: Turn) => current !== turn || current.isCut || !agent.alive;

  function think(current: Turn, plan: Plan): void {
    if (isOver(current)) return;
    output(false);
    const asked = [...toAnswer.values()].filter((item) =>
      current.inputs.some((input) => input.type === "mail" && input.item.message === item.message),
    );
    if (plan.type !== "nothing") during(current, () => carryOut(plan));
    for (const item of asked) during(current, () => answer(current, item));
    maybeEnd(current);
  }

  /** The model says something: whatever it had in its context by then it has read. */
  function output(endsTurn: boolean): void {
    for (const { message, peer } of unread) {
      if (peer) truth.read.add(key(message, peer));
      if (kind === "linked") link?.report({ type: "seen", message, by: "model" });
    }
    unread = [];
    transcript.push({ type: "output", endsTurn });
  }

  function during(current: Turn, run: () => Promise<void>): void {
    current.calls++;
    void run().then(() => {
      current.calls--;
      maybeEnd(current);
    });
  }

  const pause = (ms: number) => new Promise<void>((resolve) => later(ms, resolve));

  async function answer(current: Turn, item: Envelope): Promise<void> {
    const { message, handle } = item;
    const way = parts.isCalm() ? 0.2 : chance.next();
    if (way < 0.08) return; // Forgotten.
    if (way < 0.16) await pause(chance.int(5_000, 40_000));
    else await pause(chance.int(0, 3_000));
    if (isOver(current)) return;
    if (way > 0.84 && way < 0.92) await askBack(current, item);
    if (way > 0.92) await call("reply", { id: handle, text: "half way", outcome: "progress" }, { question: message });
    if (isOver(current)) return;
    const outcome = way > 0.76 && way < 0.84 ? "decline" : "answer";
    const text = `answer ${parts.newMessage().slice(-6)} re ${message}`;
    await call("reply", { id: handle, text, outcome }, { question: message });
    if (way > 0.7 && way < 0.76) await call("reply", { id: handle, text: `${text} again` }, { question: message });
  }

  async function askBack(current: Turn, item: Envelope): Promise<void> {
    const message = parts.newMessage();
    const text = `ask ${message} to ${item.from.name}`;
    if (!isOver(current)) await call("ask", { peer: item.from.name, question: text, wait_seconds: 5 }, { message });
  }

  async function carryOut(plan: Plan): Promise<void> {
    switch (plan.type) {
      case "ask": {
        const { to, text, message, waitSeconds, urgency } = plan;
        const input = { peer: to, question: text, wait_seconds: waitSeconds, urgency };
        await call("ask", input, { message, to, text });
        return;
      }
      case "notify":
        await call("notify", { peer: plan.to, text: plan.text, urgency: plan.urgency }, plan);
        return;
      case "broadcast":
        await call("broadcast", { text: plan.text }, plan);
        return;
      case "inbox":
        await call("inbox", {}, {});
        return;
      case "look":
        await call("inbox", { id: plan.id, wait_seconds: plan.waitSeconds }, {});
        return;
      case "cancel":
        await call("inbox", { id: plan.id, cancel: true }, {});
        return;
      case "forge":
        await call("reply", { id: plan.id, text: `forged ${plan.message}` }, { message: plan.message }, "forge");
        return;
      case "nothing":
        return;
      default:
        return plan satisfies never;
    }
  }

  async function call<Name extends "ask" | "reply" | "notify" | "broadcast" | "inbox">(
    name: Name,
    input: Record<string, unknown>,
    meant: { message?: MessageId; question?: MessageId; to?: string; text?: string },
    what: Call["what"] = name,
  ): Promise<OperationOutput<Name> | undefined> {
    const current = turn;
    const mine = seat();
    const through = link;
    const holder = linkProcess;
    if (!current || !mine || !through || !holder.alive) return undefined;
    const message = name === "inbox" ? undefined : (meant.message ?? parts.newMessage());
    const waitMs = typeof input.wait_seconds === "number" ? input.wait_seconds * 1000 : 0;
    const record: Call = {
      what,
      caller: mine.id,
      message,
      question: meant.question,
      text: String(input.text ?? input.question ?? ""),
      to: meant.to,
      startedAt: loop.now().awake,
      patienceMs: PATIENCE_MS + waitMs,
      isOrphan: false,
    };
    truth.calls.push(record);
    truth.note(`${mine.name} calls ${name} ${JSON.stringify(input)} as ${message?.slice(-4) ?? "-"}`);
    try {
      // One table types all operations; the name picks both sides of it.
      const method = through.mesh[name] as (given: unknown, options: unknown) => Promise<OperationOutput<Name>>;
      const given = message ? { ...input, message } : input;
      // With the process that serves the tools gone, the CLI fails the call by itself.
      const died = new Promise<never>((_, reject) => holder.onDeath(() => reject(new Error("the tools are gone"))));
      const out = await Promise.race([method(given, { signal: current.abort.signal }), died]);
      record.settled = { at: loop.now().awake, ok: true, outcome: outcomeOf(name, out) };
      truth.note(`${mine.name} is told ${summary(record.settled.outcome)} for ${message?.slice(-4) ?? name}`);
      if (name === "ask") notePending(record, out as AskOutcome);
      if (name === "reply" && meant.question && input.outcome !== "progress") toAnswer.delete(meant.question);
      if (isOver(current)) record.isOrphan = true;
      else writeResult(current, name, out);
      return out;
    } catch (error) {
      if (!agent.alive || !holder.alive) {
        record.isOrphan = true;
        return undefined;
      }
      const { code } = asRepowireError(error);
      record.settled = { at: loop.now().awake, ok: false, code };
      truth.note(`${mine.name} is refused ${code} for ${message?.slice(-4) ?? name}`);
      if (!(error instanceof RepowireError)) truth.violate("no fault inside", String(error));
      if (code === "unavailable" && through.state === "online" && parts.network.serves(holder))
        truth.violate(
          "open calls are asked again after a reconnect",
          `${name} ${message ?? ""} was given up on a good link`,
        );
      if (code === "internal") truth.violate("no fault inside", `${name}: ${asRepowireError(error).message}`);
      const isClosed = code === "ask_closed" || code === "already_answered" || code === "handle_unknown";
      if (name === "reply" && meant.question && isClosed) toAnswer.delete(meant.question);
      return undefined;
    }
  }

  function notePending(record: Call, outcome: AskOutcome): void {
    if (outcome.state === "pending" || outcome.state === "asked_first")
      pendingAsks.push({ id: outcome.id, message: outcome.message, to: record.to ?? outcome.peer, text: record.text });
  }

  /** The result of a call reaches the model, with the messages that it carries. */
  function writeResult<Name extends OperationName>(current: Turn, name: Name, out: OperationOutput<Name>): void {
    const carried = carriedMessages(name, out);
    if (carried.length === 0) return;
    const items = envelopesOf(out);
    transcript.push({ type: "result", messages: carried });
    for (const message of carried) {
      const item = items.find((candidate) => candidate.message === message);
      land(item ?? { message, attempt: 0 }, name === "inbox" ? "pull" : "result", true);
      unread.push({ message, peer: seat()?.id });
      link?.report({ type: "result_written", message });
      if (item?.kind === "ask") {
        toAnswer.set(message, item);
        during(current, async () => {
          await pause(chance.int(10, 500));
          if (isOver(current)) return;
          output(false);
          await answer(current, item);
        });
      }
    }
  }

  function maybeEnd(current: Turn): void {
    if (current.calls > 0 || current.isEnding || isOver(current)) return;
    current.isEnding = true;
    later(chance.int(5, 300), () => {
      current.isEnding = false;
      if (current.calls === 0 && !isOver(current)) endTurn(current);
    });
  }

  function endTurn(current: Turn): void {
    const mine = seat();
    const luck = parts.isCalm() ? 1 : chance.next();
    if (luck < 0.06) return fail(current, luck < 0.03 ? "limited" : "model_error");
    output(true);
    const messages = current.inputs.flatMap((input) => (input.type === "mail" ? [input.item.message] : []));
    const open = messages.filter((message) => toAnswer.has(message));
    const text = `turn ${++turns} of ${who()} says about ${open.join(" ") || "nothing"}`;
    const inputs = current.inputs.map((input) => (input.type === "user" ? "user" : input.item.message));
    if (mine) truth.turns.push({ peer: mine.id, text, inputs });
    if (kind === "linked") {
      for (const message of open) {
        const isAnswer = chance.is(0.5);
        link?.report(
          isAnswer
            ? { type: "answer", message, text: `${text} re ${message}` }
            : { type: "failed", message, reason: "no_answer", text: "the turn ended without an answer" },
        );
        toAnswer.delete(message);
      }
      link?.report({ type: "turn_ended" });
      return goIdle(current);
    }
    current.calls++;
    void hook({ type: "stop", text, wasContinued: current.wasContinued }).then((reply) => {
      current.calls--;
      if (isOver(current)) return;
      takeHookItems(current, reply);
      if (!reply.remind && reply.items.length === 0) return goIdle(current);
      current.wasContinued = true;
      // What the hook handed over begins a stretch of its own: what was said before it has been said.
      current.inputs = reply.remind
        ? [...current.inputs, ...remindedOf()]
        : reply.items.map((item) => ({ type: "mail", item }));
      later(chance.int(10, 800), () => think(current, { type: "nothing" }));
    });
  }

  /** After a reminder the model looks at everything it has not answered. */
  function remindedOf(): Input[] {
    return [...toAnswer.values()].map((item) => ({ type: "mail", item }));
  }

  function fail(current: Turn, outcome: "limited" | "model_error"): void {
    truth.note(`${who()} ends its turn: ${outcome}`);
    const messages = current.inputs.flatMap((input) => (input.type === "mail" ? [input.item.message] : []));
    const open = messages.filter((message) => toAnswer.has(message));
    for (const message of open) toAnswer.delete(message);
    const limitedMs = 20_000;
    if (outcome === "limited") memory++;
    if (kind === "hooked") {
      current.calls++;
      void hook({ type: "failure", outcome, limitedMs }).then(() => {
        current.calls--;
        goIdle(current);
      });
      return;
    }
    for (const message of open)
      link?.report(
        outcome === "limited"
          ? { type: "lost", message, why: "used up by a limit" }
          : { type: "failed", message, reason: "model_error", text: "the model failed" },
      );
    link?.report({ type: "turn_ended" });
    if (outcome === "limited") link?.report({ type: "limited", until: loop.now().wall + limitedMs });
    goIdle(current);
  }

  function goIdle(current: Turn): void {
    if (current !== turn) return;
    turn = undefined;
    status = "idle";
    later(chance.int(1, 300), tick);
  }

  function forgetAll(next: string | undefined): void {
    if (next) {
      conversation = next;
      transcript = [];
      unread = [];
      if (kind === "linked") link?.report({ type: "conversation", conversation });
    }
    memory++;
    toAnswer.clear();
  }

  function cutTurn(): void {
    const current = turn;
    if (!current) return;
    current.isCut = true;
    current.abort.abort();
    for (const call of truth.calls) if (call.caller === known?.id && !call.settled) call.isOrphan = true;
    const open = current.inputs.flatMap((input) =>
      input.type === "mail" && toAnswer.has(input.item.message) ? [input.item.message] : [],
    );
    transcript.push({ type: "interrupted" });
    if (kind === "linked") {
      for (const message of open)
        link?.report({ type: "failed", message, reason: "interrupted", text: "interrupted by its user" });
      link?.report({ type: "turn_ended" });
    }
    for (const message of open) toAnswer.delete(message);
    goIdle(current);
  }

  const self: Session = {
    kind,
    get start() {
      return start;
    },
    get isAlive() {
      return agent.alive;
    },
    get conversation() {
      return conversation;
    },
    get status() {
      return status;
    },
    get transcript() {
      return transcript;
    },
    get seat() {
      return seat();
    },
    get agent() {
      return agent;
    },
    get linkProcess() {
      return linkProcess;
    },
    get link() {
      return link;
    },
    get isIdle() {
      return agent.alive && !turn && queue.length === 0;
    },
    get memory() {
      return memory;
    },
    pendingAsks,
    begin,
    prompt(plan) {
      if (!agent.alive) return;
      if (!turn) return startTurn([{ type: "user" }], plan);
      const current = turn;
      during(current, () => carryOut(plan));
    },
    joinTurn() {
      if (!turn || !agent.alive) return;
      turn.inputs.push({ type: "user" });
      transcript.push({ type: "user" });
      if (kind === "hooked") void hook({ type: "prompt", inputs: [{ type: "user" }] });
    },
    interrupt() {
      if (agent.alive) cutTurn();
    },
    clear() {
      if (!agent.alive) return;
      cutTurn();
      queue = [];
      forgetAll(`c${parts.index}-${++conversations}`);
    },
    compact() {
      if (!agent.alive || kind !== "hooked") return;
      forgetAll(undefined);
      void hook({ type: "compact" });
    },
    dieAfter(what, steps) {
      const process = what === "agent" ? agent : linkProcess;
      if (steps === 0) process.kill();
      else process.dieAfter(steps);
    },
  };
  return self;
}

function outcomeOf(name: string, out: unknown): AskOutcome | undefined {
  if (name === "ask") return out as AskOutcome;
  const inbox = out as OperationOutput<"inbox">;
  return name === "inbox" && inbox.type === "ask" ? inbox.outcome : undefined;
}

function envelopesOf(out: unknown): Envelope[] {
  const any = out as { state?: string; question?: Envelope; type?: string; items?: Envelope[]; envelope?: Envelope } & {
    outcome?: AskOutcome;
  };
  if (any.state === "asked_first" && any.question) return [any.question];
  if (any.type === "mail") return any.items ?? [];
  if (any.type === "message" && any.envelope) return [any.envelope];
  return any.type === "ask" ? envelopesOf(any.outcome) : [];
}

const summary = (outcome: AskOutcome | undefined): string => outcome?.state ?? "done";
