import { answerText, type Entry, numberIn, type What } from "./book.ts";
import type { LedgerMessage } from "./driver.ts";

/** The verdict over one mesh: what the peers' own books say, held against each other and against the product's ledger. */
export interface Verdict {
  messages: number;
  faults: Fault[];
}

export interface Fault {
  kind: "lost" | "doubled" | "misrouted" | "lied" | "stuck";
  n: string;
  why: string;
  /** Everything that is known about that message: the books' lines, then the ledger's. */
  history: string[];
}

const OVER = new Set(["refused", "expired", "dead", "cancelled"]);
const HANDED = new Set(["presented", "seen"]);
const WAITS = new Set(["queued", "held"]);
/** A caller hears of a hand-over by the daemon, its recipient writes it down first; both read one clock. */
const CLOCK_MS = 2;

type Line<Type extends What["type"]> = Entry & { what: Extract<What, { type: Type }> };

export function compare(book: readonly Entry[], ledger: readonly LedgerMessage[]): Verdict {
  const faults: Fault[] = [];
  const lines = <Type extends What["type"]>(type: Type) =>
    book.filter((entry): entry is Line<Type> => entry.what.type === type);
  const byNumber = <Type extends "answering" | "answer_told">(type: Type) =>
    Map.groupBy(lines<Type>(type), (entry) => (entry.what as { n: string }).n); // both of these have one
  const told = lastByNumber(lines("told"));
  const shown = Map.groupBy(lines("shown"), ({ what }) => keyOf(what));
  const answering = byNumber("answering");
  const answerTold = byNumber("answer_told");
  const questions = new Map<string, LedgerMessage>();
  const answers = new Map<string, LedgerMessage[]>();
  for (const message of ledger) {
    const number = numberIn(message.text);
    if (!number) continue;
    if (number.isAnswer) answers.set(number.n, [...(answers.get(number.n) ?? []), message]);
    else if (questions.has(number.n)) fault("doubled", number.n, "the ledger holds it twice");
    else questions.set(number.n, message);
  }
  let messages = 0;

  function fault(kind: Fault["kind"], n: string, why: string): void {
    faults.push({ kind, n, why, history: historyOf(n) });
  }

  function historyOf(n: string): string[] {
    const own = book.filter((entry) => "n" in entry.what && entry.what.n === n);
    const from = own[0]?.at ?? 0;
    return [
      ...own.map(
        (entry) => `${entry.at} (+${entry.at - from}) ${entry.peer}/${entry.run} ${JSON.stringify(entry.what)}`,
      ),
      ...[questions.get(n), ...(answers.get(n) ?? [])].flatMap((message) =>
        message
          ? [
              `ledger ${message.kind} ${message.id} ${JSON.stringify(message.deliveries)}`,
              ...message.history.map((line) => `  ${line}`),
            ]
          : [],
      ),
    ];
  }

  /** One message on its way to one peer: was it received, and does the ledger say so? */
  function checkDelivery(
    n: string,
    message: LedgerMessage,
    delivery: LedgerMessage["deliveries"][number],
    seenAs: Line<"shown">[],
    byResult: boolean,
  ): void {
    const received = seenAs.length > 0 || byResult;
    const name = `${message.kind} to ${delivery.to}`;
    if (HANDED.has(delivery.state) && !received) {
      fault("lied", n, `${name}: the ledger says ${delivery.state}, nothing was shown`);
      fault("lost", n, `${name}: accepted, and never received`);
    }
    if (delivery.state === "leased") fault("stuck", n, `${name}: a hand-over that never ends`);
    if (
      !received &&
      !HANDED.has(delivery.state) &&
      !OVER.has(delivery.state) &&
      !WAITS.has(delivery.state) &&
      delivery.state !== "leased"
    )
      fault("lost", n, `${name}: in no state at all (${delivery.state})`);
    if (seenAs.length > delivery.attempt)
      fault("doubled", n, `${name}: shown ${seenAs.length} times in ${delivery.attempt} attempts`);
    const attempts = seenAs.flatMap(({ what }) => what.attempt ?? []);
    if (new Set(attempts).size < attempts.length) fault("doubled", n, `${name}: one attempt shown twice`);
    for (const { what } of seenAs.slice(1)) if (!what.again) fault("doubled", n, `${name}: repeated without saying so`);
  }

  for (const sending of lines("sending")) {
    const { n, to, kind } = sending.what;
    const message = questions.get(n);
    const hear = told.get(n);
    if (hear?.what.said === "accepted" && !message)
      fault("lost", n, "its sender was told that it was accepted; the ledger has no such message");
    if (hear?.what.said === "refused" && message && hear.what.code !== "ask_cycle")
      fault("lied", n, `its sender was told "${hear.what.text}", yet it was stored`);
    if (!message) {
      if (shown.has(n)) fault("lied", n, "it was shown, and the ledger has no such message");
      continue;
    }
    messages++;
    const names = message.deliveries.map((delivery) => delivery.to);
    const all = shown.get(n) ?? [];
    if (message.from !== sending.peer)
      fault("misrouted", n, `sent by ${sending.peer}, the ledger says ${message.from}`);
    if (kind !== "broadcast" && names.join() !== to)
      fault("misrouted", n, `sent to ${to}, the ledger says ${names.join()}`);
    for (const one of all)
      if (!names.includes(one.peer)) fault("misrouted", n, `shown to ${one.peer}, meant for ${names.join()}`);
    for (const delivery of message.deliveries)
      checkDelivery(
        n,
        message,
        delivery,
        all.filter((one) => one.peer === delivery.to),
        false,
      );
    if (hear && kind === "notify" && HANDED.has(hear.what.state)) {
      const first = all[0];
      // A channel hands over by writing to its session's pipe: that session reads it a moment later.
      const isDirect = first === undefined || first.what.attempt !== undefined;
      if (isDirect && (!first || first.at > hear.at + CLOCK_MS))
        fault("lied", n, `its sender was told ${hear.what.state} before it was shown`);
    }
    if (kind === "ask") checkAsk(n, sending, message, hear);
  }

  function checkAsk(
    n: string,
    sending: Line<"sending">,
    question: LedgerMessage,
    hear: Line<"told"> | undefined,
  ): void {
    const given = answering.get(n) ?? [];
    const right = answerText(n, sending.what.to);
    const isAnswered = question.ask?.state === "answered" || question.ask?.state === "declined";
    if (isAnswered && given.length === 0) fault("lied", n, `the ledger says ${question.ask?.state}, nobody answered`);
    const saysAnswer = hear?.what.state === "answered" || hear?.what.state === "declined";
    if (saysAnswer && !hear.what.text.includes(right))
      fault(
        hear.what.text.includes("re#") ? "misrouted" : "lied",
        n,
        `its sender was told "${hear.what.text}" for an answer`,
      );
    const answer = (answers.get(n) ?? []).find((message) => message.id === question.ask?.answer);
    const pushed = shown.get(`re ${n}`) ?? [];
    for (const one of pushed)
      if (one.peer !== sending.peer) fault("misrouted", n, `its answer was shown to ${one.peer}`);
    const isStored = (answerTold.get(n) ?? []).some(({ what }) => what.said === "accepted");
    if (isStored && !answer && question.ask?.state !== "expired")
      fault("lost", n, "its answer was accepted, and the ledger has none");
    if (!answer) return;
    messages++;
    if (!answer.text.includes(right)) fault("misrouted", n, `its answer in the ledger is "${answer.text}"`);
    for (const delivery of answer.deliveries) {
      checkDelivery(n, answer, delivery, pushed, saysAnswer);
      if (saysAnswer && pushed.some(({ what }) => !what.again))
        fault("doubled", n, "its answer came as a result and, not said to be a repeat, as a message");
    }
  }

  return { messages, faults };
}

const keyOf = (what: Line<"shown">["what"]) => (what.isAnswer ? `re ${what.n}` : what.n);
const lastByNumber = (lines: Line<"told">[]) => new Map(lines.map((line) => [line.what.n, line]));

/** What still wants to move: everything that its recipient, being there and idle, should have by now. */
export function unsettled(book: readonly Entry[], ledger: readonly LedgerMessage[]): LedgerMessage[] {
  const urgency = new Map(
    book.flatMap(({ what }) => (what.type === "sending" ? [[what.n, what.urgency] as const] : [])),
  );
  return ledger.filter((message) => {
    const number = numberIn(message.text);
    if (!number) return false;
    if (message.ask?.state === "open") return true;
    const isFyi = message.kind === "broadcast" || (!number.isAnswer && urgency.get(number.n) === "fyi");
    return message.deliveries.some(({ state }) => state === "leased" || (!isFyi && WAITS.has(state)));
  });
}
