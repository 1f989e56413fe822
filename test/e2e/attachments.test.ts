import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { entryCommand } from "../../src/platform/program.ts";
import { LIMITS } from "../../src/protocol/index.ts";
import { type ChannelClient, channelClient } from "../support/channel-client.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { type Person, person } from "../support/person.ts";

setDefaultTimeout(60_000);

let daemon: DaemonProcess;
let backend: FakeSession;
let user: Person;
let channel: ChannelClient;
/** The channel's checkout. */
let folder: string;

beforeAll(async () => {
  daemon = await daemonProcess();
  backend = await fakeSession(daemon.sandbox, "backend");
  user = person(daemon.sandbox);
  folder = daemon.sandbox.file("checkout");
  mkdirSync(join(folder, "logs"), { recursive: true });
  channel = await channelClient({
    command: entryCommand("channel-claude-code"),
    cwd: folder,
    env: { ...daemon.sandbox.env, REPOWIRE_NAME: "frontend" },
  });
  await channel.client.listTools();
});
afterAll(async () => {
  await channel?.[Symbol.asyncDispose]();
  user?.[Symbol.dispose]();
  await backend?.[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

const kept = () => readdirSync(daemon.sandbox.paths.attachments);
const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(Math.min(bytes, 65_536)));
/** Bytes that no text has, more than one part of them. */
function large(): Uint8Array {
  const parts = Array.from({ length: 11 }, () => random(65_536));
  return Buffer.concat([new Uint8Array([0]), ...parts]);
}

test("a person sends a file, its recipient saves the same bytes, private and under their hash", async () => {
  const file = daemon.sandbox.file("build.bin");
  const bytes = large();
  expect(bytes.length).toBeGreaterThan(2 * LIMITS.attachmentChunkBytesMax);
  writeFileSync(file, bytes);
  expect((await user.repowire("peer", "notify", "backend", "the failing run", "--attach", file)).code).toBe(0);
  const [attachment] = (await backend.got("the failing run")).attachments ?? [];
  expect(attachment).toMatchObject({ name: "build.bin", size: bytes.length, type: "application/octet-stream" });
  const out = daemon.sandbox.file("saved.bin");
  const saved = await backend.repowire("attachment", "get", attachment?.id ?? "", "--out", out);
  expect([saved.code, saved.out]).toEqual([0, expect.stringContaining(`sha256 ${attachment?.sha256}`)]);
  expect(readFileSync(out).equals(Buffer.from(bytes))).toBe(true);
  expect(kept()).toContain(attachment?.sha256 ?? "none");
  expect(statSync(join(daemon.sandbox.paths.attachments, attachment?.sha256 ?? "")).mode & 0o777).toBe(0o600);
  const again = await backend.repowire("attachment", "get", attachment?.id ?? "", "--out", out);
  expect([again.code, again.err]).toEqual([65, expect.stringContaining("is there already")]);
});

// @req attachment.inside
describe("a session's tool", () => {
  const send = (files: string[]) => channel.call("notify_peer", { peer: "backend", text: `look ${files}`, files });

  test("attaches a file of its checkout, which the recipient's model reads by inbox", async () => {
    writeFileSync(join(folder, "logs", "run.log"), "nine sheep\n");
    expect((await send(["logs/run.log"])).isError).toBe(false);
    const [attachment] = (await backend.got("look logs/run.log")).attachments ?? [];
    expect(attachment).toMatchObject({ name: "run.log", size: 11, type: "text/plain" });
    expect(await backend.call("inbox", { id: attachment?.id ?? "" })).toMatchObject({
      type: "attachment",
      part: "nine sheep\n",
      rest_bytes: 0,
    });
  });

  test.each<[string, RegExp, (inside: string, outside: string) => string]>([
    ["a file beside it", /is not in your checkout/, (_, outside) => outside],
    ["by dots", /is not in your checkout/, () => "../secret.txt"],
    [
      "through a link",
      /is not in your checkout/,
      (inside, outside) => {
        symlinkSync(outside, join(inside, "link.txt"));
        return "link.txt";
      },
    ],
    [
      "through a linked folder",
      /is not in your checkout/,
      (inside, outside) => {
        symlinkSync(join(outside, ".."), join(inside, "up"));
        return "up/secret.txt";
      },
    ],
    ["the system's", /is not in your checkout/, () => "/proc/self/environ"],
    ["a folder", /is no plain file/, () => "logs"],
    ["itself", /is not in your checkout/, () => "."],
    ["nothing", /is not there/, () => "missing.txt"],
    [
      "a pipe",
      /is no plain file/,
      (inside) => {
        Bun.spawnSync(["mkfifo", join(inside, "pipe")]);
        return "pipe";
      },
    ],
    [
      "what is too large",
      /an attachment may be 10\.0 MB/,
      (inside) => {
        writeFileSync(join(inside, "huge"), new Uint8Array(LIMITS.attachmentBytesMax + 1));
        return "huge";
      },
    ],
  ])("attaches nothing else: %s", async (_name, said, make) => {
    const outside = daemon.sandbox.file("secret.txt");
    writeFileSync(outside, "secret");
    const before = kept().length;
    const { text, isError } = await send([make(folder, outside)]);
    expect([isError, said.test(text)]).toEqual([true, true]);
    expect(text).not.toContain("secret\n");
    expect(kept()).toHaveLength(before);
  });

  test("sends no file later, or with a line of progress", async () => {
    const later = await channel.call("notify_peer", {
      peer: "backend",
      text: "x",
      when: "1h",
      files: ["logs/run.log"],
    });
    expect([later.isError, later.text]).toEqual([true, expect.stringContaining("cannot be sent later")]);
  });
});

test("a file that a killed daemon had half is sent again, and what was left of it goes", async () => {
  const first = await backend.call("attach", { name: "half", size: 8, data: btoa("half") });
  await daemon.crashAndRestart();
  const lost = backend.call("attach", { upload: first.upload, data: btoa("done") });
  await expect(lost).rejects.toThrow(/Send the file again/);
  const again = await backend.call("attach", { name: "half", size: 8, data: btoa("halfdone") });
  expect(again.attachment?.size).toBe(8);
});

test("the bytes are gone: that is said, and no file is left", async () => {
  const { attachment } = await backend.call("attach", { name: "gone", size: 4, data: btoa("gone") });
  rmSync(join(daemon.sandbox.paths.attachments, attachment?.sha256 ?? ""));
  const out = daemon.sandbox.file("gone.out");
  const get = await backend.repowire("attachment", "get", attachment?.id ?? "", "--out", out);
  expect([get.code, get.err, existsSync(out)]).toEqual([66, expect.stringContaining("bytes are gone"), false]);
});

test("an export names it, without its bytes, and is gone through again", async () => {
  const file = daemon.sandbox.file("run.jsonl");
  expect((await user.repowire("export", "--out", file)).code).toBe(0);
  const text = readFileSync(file, "utf8");
  expect(text).toContain('"name":"run.log"');
  expect(text).not.toContain("nine sheep");
  const replayed = await user.repowire("replay", file);
  expect([replayed.code, replayed.err]).toEqual([0, ""]);
});
