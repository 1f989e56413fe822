import { expect, test } from "bun:test";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createMesh } from "../../test/support/mesh-harness.ts";
import { tempHome } from "../../test/support/temp-home.ts";
import { LIMITS } from "../protocol/index.ts";
import { createBlobs } from "./blobs.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

async function store(blobs: ReturnType<typeof createBlobs>, text: string): Promise<string> {
  const draft = await blobs.begin();
  await draft.append(bytes(text));
  return draft.finish();
}

// @req attachment.full-disk
test("a disk that is nearly full takes no file, says so, keeps what was there, and takes one again later", async () => {
  using home = tempHome();
  const folder = home.file("attachments");
  let free = Number.MAX_SAFE_INTEGER;
  const blobs = createBlobs(folder, () => free);
  const before = await store(blobs, "from before");
  const draft = await blobs.begin();
  await draft.append(new Uint8Array(2_000_000));
  free = LIMITS.diskReserveBytes - 1;
  await expect(draft.append(bytes("one more part"))).rejects.toMatchObject({ code: "storage_full" });
  await draft.drop();
  expect(readdirSync(folder)).toEqual([before]);
  expect(await blobs.read(before, 0, 100)).toEqual(bytes("from before"));
  free = Number.MAX_SAFE_INTEGER;
  const later = await store(blobs, "later");
  expect(readdirSync(folder).sort()).toEqual([before, later].sort());
});

// @req attachment.full-disk
test("what the system itself refuses for want of room is said the same way", async () => {
  using home = tempHome();
  const full = () => {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  };
  const draft = await createBlobs(home.file("attachments"), full).begin();
  await expect(draft.append(bytes("x"))).rejects.toMatchObject({
    code: "storage_full",
    message: expect.stringContaining("nothing else was lost"),
  });
  await draft.drop();
});

// @req attachment.full-disk
test("a file that the disk does not take loses no message and no file of another", async () => {
  using home = tempHome();
  let free = Number.MAX_SAFE_INTEGER;
  const mesh = createMesh({ blobs: createBlobs(home.file("attachments"), () => free) });
  const frontend = await mesh.join("frontend");
  await mesh.join("backend");
  const bring = (text: string) => mesh.call(frontend, "attach", { name: "a.txt", size: text.length, data: btoa(text) });
  const { attachment } = await bring("early");
  free = 0;
  await expect(bring("late")).rejects.toMatchObject({ code: "storage_full" });
  const attachments = [attachment?.id ?? ""];
  const sent = mesh.call(frontend, "notify", { peer: "backend", text: "all the same", attachments });
  await mesh.quiet();
  const { message } = await sent;
  expect(mesh.read(({ tx }) => tx.messages.get(message)?.attachments)).toEqual(attachment ? [attachment] : []);
  expect((await mesh.call(frontend, "attachment", { id: attachments[0] ?? "" })).data).toBe(btoa("early"));
  expect(mesh.faults).toEqual([]);
});

// @req attachment.whole
test("a start removes what a crash left, whatever its age, and nothing that is kept or not ours", async () => {
  using home = tempHome();
  const folder = home.file("attachments");
  const before = createBlobs(folder);
  const known = await store(before, "known");
  const orphan = await store(before, "its record was never written");
  const half = await before.begin();
  await half.append(bytes("half"));
  writeFileSync(join(folder, "notes.txt"), "a person's");
  await createBlobs(folder).keepOnly(new Set([known]));
  expect(readdirSync(folder).sort()).toEqual([known, "notes.txt"].sort());
  expect(existsSync(join(folder, orphan))).toBe(false);
  await half.drop();
});

test("a sweep takes neither what is being written nor what waits for its record", async () => {
  using home = tempHome();
  const folder = home.file("attachments");
  const blobs = createBlobs(folder);
  const draft = await blobs.begin();
  await draft.append(bytes("half"));
  const done = await store(blobs, "waits for its record");
  await blobs.keepOnly(new Set());
  await draft.append(bytes(" and whole"));
  const sha256 = await draft.finish();
  expect(readdirSync(folder).sort()).toEqual([done, sha256].sort());
  expect(await blobs.read(sha256, 0, 100)).toEqual(bytes("half and whole"));
  expect(statSync(join(folder, sha256)).mode & 0o777).toBe(0o600);
});
