import { expect, test } from "bun:test";
import type { Attachment } from "../../protocol/index.ts";
import { FILE_LIMITS } from "../../protocol/limits-files.ts";
import { Refusal } from "./api.ts";
import type { KeptFile } from "./drafts.ts";
import { createTray, type TrayParts } from "./tray.ts";

/** A tray whose uploads end when the test says so. */
function scene(parts: Partial<TrayParts> = {}) {
  const coming: { file: File; signal: AbortSignal; done(): void; refuse(error: Error): void }[] = [];
  const clock = { at: 1_000 };
  let kept: readonly KeptFile[] = [];
  let ids = 0;
  const tray = createTray({
    upload(file, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<Attachment>();
      const done = () => resolve({ id: `file${++ids}`, name: file.name, size: file.size, type: "", sha256: "" });
      coming.push({ file, signal, done, refuse: reject });
      return promise;
    },
    onChange: (files) => {
      kept = files;
    },
    now: () => clock.at,
    ...parts,
  });
  const states = () => tray.files.value.map(({ name, state }) => `${name} ${state}`);
  return { tray, coming, clock, states, kept: () => kept };
}

const file = (name: string, size = 3) => new File([new Uint8Array(size)], name);
const settled = () => Bun.sleep(1);

test("files are brought one after the other, and are ready when all are there", async () => {
  const { tray, coming, states, kept } = scene();
  tray.add([file("a"), file("b")]);
  await settled();
  expect([states(), coming.length]).toEqual([["a coming", "b coming"], 1]);
  let ids: string[] | undefined;
  const ready = tray.ready().then((all) => {
    ids = all;
  });
  coming[0]?.done();
  await settled();
  expect([states(), coming.length, ids]).toEqual([["a here", "b coming"], 2, undefined]);
  coming[1]?.done();
  await ready;
  expect(ids).toEqual(["file1", "file2"]);
  expect(kept().map(({ id, name }) => [id, name])).toEqual([
    ["file1", "a"],
    ["file2", "b"],
  ]);
});

test("one that is refused says why, keeps all from going without it, and may be tried again or removed", async () => {
  const { tray, coming, states } = scene();
  tray.add([file("a"), file("b")]);
  await settled();
  coming[0]?.refuse(new Refusal("attachments_full", "You have too many."));
  await settled();
  coming[1]?.done();
  await expect(tray.ready()).rejects.toThrow("Not attached: a.");
  expect(tray.files.value[0]).toMatchObject({ state: "refused", why: "You have too many.", mayTryAgain: true });
  tray.tryAgain(tray.files.value[0]?.key ?? 0);
  await settled();
  expect(states()).toEqual(["a coming", "b here"]);
  coming[2]?.refuse(new Refusal("attachments_full", "Still."));
  await settled();
  tray.remove(tray.files.value[0]?.key ?? 0);
  expect(await tray.ready()).toEqual(["file1"]);
});

test("what is removed on its way is stopped, and does not come back", async () => {
  const { tray, coming, states } = scene();
  tray.add([file("a"), file("b")]);
  await settled();
  tray.remove(tray.files.value[0]?.key ?? 0);
  expect(coming[0]?.signal.aborted).toBe(true);
  coming[0]?.done();
  await settled();
  coming[1]?.done();
  expect(await tray.ready()).toEqual(["file2"]);
  expect(states()).toEqual(["b here"]);
});

test("what is too large is not brought; what is too many is named, and the rest goes", async () => {
  const { tray, coming, states } = scene();
  const large = Object.defineProperty(file("large"), "size", { value: FILE_LIMITS.attachmentBytesMax.value + 1 });
  tray.add([large]);
  await settled();
  expect([states(), coming.length]).toEqual([["large refused"], 0]);
  expect(tray.files.value[0]?.why).toContain("10 MB at most");
  expect(tray.files.value[0]?.mayTryAgain).toBeUndefined();
  tray.clear();
  const names = Array.from({ length: FILE_LIMITS.attachmentsPerMessageMax.value + 2 }, (_, at) => `f${at}`);
  tray.add(names.map((name) => file(name)));
  expect(tray.files.value.map(({ name }) => name)).toEqual(names.slice(0, -2));
  expect(tray.notice.value).toBe("At most 8 files go with a message. Left out: f8, f9.");
});

test("what the daemon is about to forget is brought again before it goes", async () => {
  const { tray, coming, clock } = scene();
  tray.add([file("a")]);
  await settled();
  coming[0]?.done();
  expect(await tray.ready()).toEqual(["file1"]);
  clock.at += FILE_LIMITS.attachmentUnsentMs.value;
  const ready = tray.ready();
  await settled();
  coming[1]?.done();
  expect(await ready).toEqual(["file2"]);
});

test("what was kept from before a reload is there, unless it waited for too long", async () => {
  const kept = { id: "k7q2x", name: "a", size: 3, at: 1_000 };
  const { tray, clock } = scene({ kept: [kept] });
  expect(await tray.ready()).toEqual(["k7q2x"]);
  clock.at += FILE_LIMITS.attachmentUnsentMs.value;
  await expect(tray.ready()).rejects.toThrow("Not attached: a.");
  const later = scene({ kept: [kept], now: () => 1_000 + FILE_LIMITS.attachmentUnsentMs.value });
  expect(later.states()).toEqual(["a refused"]);
});
