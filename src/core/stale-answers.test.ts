import { beforeEach, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { LIMITS, type MessageId, type PeerId } from "../protocol/index.ts";
import type { WatchedAnswer } from "./ports.ts";
import {
  answerToWatch,
  type FileStamp,
  isOver,
  judgeAnswer,
  type Staleness,
  tellStale,
  watchAnswer,
} from "./stale-answers.ts";

const T = 1_000_000;
const HEADS = { old: "a".repeat(40), new: "b".repeat(40) };
const watched = (change: Partial<WatchedAnswer> = {}): WatchedAnswer => ({
  id: "msg_a" as MessageId,
  ask: "msg_q" as MessageId,
  asker: "peer_1" as PeerId,
  askee: "peer_2" as PeerId,
  root: "/r",
  head: HEADS.old,
  files: [],
  read_from: T - 10,
  answered_at: T,
  ...change,
});
const stamp = (name: string, mtime = T - 100, size = 5): FileStamp => ({ file: `/r/${name}`, mtime, size });

// @req stale.files-decide
test.each<[string, Partial<WatchedAnswer>, { head?: string; files: FileStamp[] }, string[] | "head" | undefined]>([
  ["nothing moved", { files: [stamp("x")] }, { head: HEADS.old, files: [stamp("x")] }, undefined],
  ["a file was written", { files: [stamp("x"), stamp("y")] }, { files: [stamp("x"), stamp("y", T + 1)] }, ["/r/y"]],
  ["only its size differs", { files: [stamp("x")] }, { files: [stamp("x", T - 100, 6)] }, ["/r/x"]],
  ["a file is gone", { files: [stamp("x")] }, { files: [{ file: "/r/x" }] }, ["/r/x"]],
  ["it changed before the first look", { files: [stamp("x", T + 1)] }, { files: [stamp("x", T + 1)] }, ["/r/x"]],
  ["it changed in the tick of the answer", { files: [stamp("x", T - 3)] }, { files: [stamp("x", T - 3)] }, ["/r/x"]],
  [
    "another commit, the files as they were",
    { files: [stamp("x")] },
    { head: HEADS.new, files: [stamp("x")] },
    undefined,
  ],
  ["another commit, no file known", {}, { head: HEADS.new, files: [] }, "head"],
  ["no file known, the same commit", {}, { head: HEADS.old, files: [] }, undefined],
  ["no file known, no commit to be told", {}, { files: [] }, undefined],
  ["no file known, and none before", { head: undefined }, { head: HEADS.new, files: [] }, undefined],
])("%s", (_name, change, look, expected) => {
  const found = judgeAnswer(watched(change), look);
  if (expected === undefined) expect(found).toBeUndefined();
  else if (expected === "head") expect(found).toEqual({ files: [], head: { from: HEADS.old, to: HEADS.new } });
  else expect(found?.files).toEqual(expected);
});

let mesh: MeshHarness;
let asker: PeerId;
let askee: PeerId;
beforeEach(async () => {
  mesh = createMesh();
  asker = await mesh.join("frontend");
  askee = await mesh.join("backend");
  await mesh.openPush(askee);
});

/** Asks, answers, and watches as the daemon does. */
async function answered(question: string): Promise<WatchedAnswer> {
  const { id } = await mesh.call(asker, "ask", { peer: "backend", question, wait_seconds: 0 });
  await mesh.present(askee);
  await mesh.call(askee, "reply", { id, text: "it is so" });
  const found = mesh.read((ctx) => ctx.tx.events.after(0, 500).flatMap((event) => answerToWatch(ctx, event) ?? []));
  const last = found.at(-1);
  if (!last) throw new Error("nothing to watch");
  const answer: WatchedAnswer = { ...last, root: "/r", head: HEADS.old, files: [] };
  await mesh.decide((ctx) => watchAnswer(ctx, answer));
  return answer;
}
const staleness: Staleness = { files: ["/r/x.ts"] };
const tell = (answers: WatchedAnswer[]) =>
  mesh.decide((ctx) =>
    tellStale(
      ctx,
      answers.map((answer) => ({ answer, staleness })),
      (name, words) => `${name}: ${words.map(({ question }) => question).join(" ")}`,
    ),
  );
const notices = () =>
  mesh.read(({ tx }) =>
    tx.deliveries
      .inStates(asker, ["queued", "held"])
      .filter(({ kind }) => kind === "notify")
      .map(({ message, urgency }) => `${urgency} ${tx.messages.get(message)?.body}`),
  );

// @req stale.once
test("an asker is told once, of all answers of one peer together", async () => {
  const answers = [await answered("one?"), await answered("two?")];
  expect(await tell(answers)).toBe(1);
  expect(notices()).toEqual(["fyi backend: one? two?"]);
  expect(await tell(answers)).toBe(0);
  expect(notices()).toHaveLength(1);
});

// @req stale.once
test("what is a day old, was read by a conversation that is gone, or is asked by a person, is not watched", async () => {
  const answer = await answered("one?");
  expect(mesh.read((ctx) => isOver(ctx, answer))).toBe(false);
  await mesh.advance(LIMITS.staleAnswerMs + 1);
  expect(mesh.read((ctx) => isOver(ctx, answer))).toBe(true);
  expect(await tell([answer])).toBe(0);

  await mesh.decide(({ tx }) => tx.peers.put({ ...mesh.peer(asker), conversation: "c1" }));
  const next = await answered("two?");
  await mesh.openPush(asker);
  await mesh.present(asker);
  await mesh.decide(({ tx }) => tx.peers.put({ ...mesh.peer(asker), conversation: "c2" }));
  expect(mesh.read((ctx) => isOver(ctx, next))).toBe(true);
});

// @req stale.once
test("an asker that is offline, or whose gate is closed, is not told later either", async () => {
  const first = await answered("one?");
  await mesh.decide(({ tx }) => tx.peers.put({ ...mesh.peer(asker), inbound_policy: "hold" }));
  expect(await tell([first])).toBe(0);
  await mesh.decide(({ tx }) => tx.peers.put({ ...mesh.peer(asker), inbound_policy: "accept" }));
  expect(await tell([first])).toBe(0);
  expect(notices()).toEqual([]);
});

// @req stale.once
test("a later answer to the same question takes the place of the one before, and the oldest of too many goes", async () => {
  const answer = await answered("one?");
  await mesh.decide((ctx) => watchAnswer(ctx, { ...answer, id: "msg_later" as MessageId }));
  expect(mesh.read(({ tx }) => tx.shelves.answer.all().map(({ id }) => id))).toEqual(["msg_later" as MessageId]);
  await mesh.decide((ctx) => {
    for (let n = 0; n < LIMITS.watchedAnswersMax + 5; n++)
      watchAnswer(ctx, { ...answer, id: `msg_${n}` as MessageId, ask: `msg_q${n}` as MessageId });
  });
  const kept = mesh.read(({ tx }) => tx.shelves.answer.all());
  expect([kept.length, kept[0]?.id]).toEqual([LIMITS.watchedAnswersMax, "msg_5" as MessageId]);
});

// @req stale.once
test("a refusal is no answer that could go stale", async () => {
  const { id } = await mesh.call(asker, "ask", { peer: "backend", question: "no?", wait_seconds: 0 });
  await mesh.present(askee);
  await mesh.call(askee, "reply", { id, text: "not mine", outcome: "decline" });
  expect(mesh.read((ctx) => ctx.tx.events.after(0, 500).flatMap((event) => answerToWatch(ctx, event) ?? []))).toEqual(
    [],
  );
});
