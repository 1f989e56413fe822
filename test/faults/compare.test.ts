import { describe, expect, test } from "bun:test";
import type { Entry, What } from "./book.ts";
import { compare } from "./compare.ts";
import type { LedgerMessage } from "./driver.ts";

/** The book-keeper has to see every kind of lie, or the suite proves nothing. */
let at = 0;
const line = (peer: string, what: What): Entry => ({ at: ++at * 10, peer, run: "1", what });
const sending = (kind = "notify") => line("ant", { type: "sending", n: "1", kind, to: "bee", urgency: "normal" });
const told = (state: string, text = "", said: "accepted" | "refused" = "accepted") =>
  line("ant", { type: "told", n: "1", said, state, text });
const shown = (peer: string, change: Partial<Extract<What, { type: "shown" }>> = {}) =>
  line(peer, { type: "shown", n: "1", isAnswer: false, attempt: 1, again: false, via: "push", text: "", ...change });
const answering = line("bee", { type: "answering", n: "1", handle: "abcde", text: "re#1# by bee" });

const message = (state: string, attempt = 1): LedgerMessage => ({
  id: "msg_1",
  kind: "notify",
  from: "ant",
  text: "#1# from ant to bee",
  deliveries: [{ to: "bee", handle: "abcde", state, attempt }],
  history: [],
});
const asked = (state: string): LedgerMessage => ({ ...message("seen"), kind: "ask", ask: { state, answer: "msg_2" } });
const answer = (state: string, text = "re#1# by bee"): LedgerMessage => ({
  ...message(state),
  id: "msg_2",
  kind: "answer",
  from: "bee",
  text,
  deliveries: [{ to: "ant", handle: "fghjk", state, attempt: 1 }],
});

const kinds = (book: Entry[], ledger: LedgerMessage[]) =>
  [...new Set(compare(book, ledger).faults.map((fault) => fault.kind))].sort();

describe("the book-keeper", () => {
  test("finds nothing where book and ledger agree", () => {
    expect(kinds([sending(), shown("bee"), told("seen")], [message("seen")])).toEqual([]);
    const answered = [sending("ask"), shown("bee"), answering, told("answered", "bee answered: re#1# by bee")];
    expect(kinds(answered, [asked("answered"), answer("presented")])).toEqual([]);
  });

  test("leaves alone what still waits, and what ended in a stated way", () => {
    for (const state of ["queued", "held", "expired", "refused", "cancelled"])
      expect(kinds([sending(), told(state)], [message(state, 0)])).toEqual([]);
  });

  test("finds what was accepted and is nowhere", () => {
    expect(kinds([sending(), told("queued")], [])).toEqual(["lost"]);
  });

  test("finds what the ledger says was seen and nobody was shown", () => {
    expect(kinds([sending(), told("queued")], [message("seen")])).toEqual(["lied", "lost"]);
  });

  test("finds one attempt shown twice, and more showings than attempts", () => {
    expect(kinds([sending(), shown("bee"), shown("bee"), told("seen")], [message("seen", 2)])).toEqual(["doubled"]);
    const again = shown("bee", { attempt: 2, again: true });
    expect(kinds([sending(), shown("bee"), again, told("seen")], [message("seen", 1)])).toEqual(["doubled"]);
    expect(kinds([sending(), shown("bee"), again, told("seen")], [message("seen", 2)])).toEqual([]);
  });

  test("finds a message at the wrong peer, and an answer at the wrong asker", () => {
    expect(kinds([sending(), shown("bee"), shown("cat"), told("seen")], [message("seen", 2)])).toContain("misrouted");
    const book = [sending("ask"), shown("bee"), answering, told("answered", "bee answered: re#2# by bee")];
    expect(kinds(book, [asked("answered"), answer("presented")])).toEqual(["misrouted"]);
    const elsewhere = [sending("ask"), shown("bee"), answering, shown("cat", { isAnswer: true }), told("pending")];
    expect(kinds(elsewhere, [asked("answered"), answer("queued")])).toEqual(["misrouted"]);
  });

  test("finds an answer that nobody gave, a hand-over told too early, and a refusal that was none", () => {
    expect(kinds([sending("ask"), shown("bee"), told("pending")], [asked("answered"), answer("queued")])).toEqual([
      "lied",
    ]);
    expect(kinds([sending(), told("presented"), shown("bee")], [message("seen")])).toEqual(["lied"]);
    expect(kinds([sending(), told("", "the disk is full", "refused")], [message("queued", 0)])).toEqual(["lied"]);
  });

  test("finds an answer that came as a result and again as a message without saying so", () => {
    const book = [
      sending("ask"),
      shown("bee"),
      answering,
      told("answered", "re#1# by bee"),
      shown("ant", { isAnswer: true }),
    ];
    expect(kinds(book, [asked("answered"), answer("presented")])).toEqual(["doubled"]);
  });

  test("finds an accepted answer that the ledger lacks", () => {
    const accepted = line("bee", { type: "answer_told", n: "1", said: "accepted", text: "" });
    expect(kinds([sending("ask"), shown("bee"), answering, accepted, told("pending")], [asked("open")])).toEqual([
      "lost",
    ]);
  });
});
