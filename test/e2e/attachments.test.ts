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
import { connect } from "node:net";
import { join } from "node:path";
import { entryCommand } from "../../src/platform/program.ts";
import { type Attachment, LIMITS } from "../../src/protocol/index.ts";
import { type ChannelClient, channelClient } from "../support/channel-client.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { type Person, person } from "../support/person.ts";
import { until } from "../support/until.ts";

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

describe("over HTTP", () => {
  const put = (query: string, body: BodyInit, headers: Record<string, string> = {}) =>
    daemon.fetch(`/v1/attachments?${query}`, { method: "POST", body, headers });
  const sha256 = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("hex");

  // @req attachment.forced-download
  test("a download is never shown, whatever it is called", async () => {
    const page = "<script>alert(1)</script>";
    const file = (await (await put("name=the+page.html", page)).json()) as Attachment;
    expect(file).toMatchObject({ name: "the page.html", type: "text/html", size: page.length, sha256: sha256(page) });
    const response = await daemon.fetch(`/v1/attachments/${file.id}`);
    expect(await response.text()).toBe(page);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": `attachment; filename="attachment-${file.id}"; filename*=UTF-8''the%20page.html`,
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox; default-src 'none'",
      "cross-origin-resource-policy": "same-origin",
      "repowire-sha256": sha256(page),
    });
  });

  test("many parts come out as they went in; whoever it is not for is told that it is not there", async () => {
    const bytes = large();
    const file = (await (await put("name=large.bin", Buffer.from(bytes))).json()) as Attachment;
    const got = await (await daemon.fetch(`/v1/attachments/${file.id}`)).arrayBuffer();
    expect(Buffer.from(got).equals(Buffer.from(bytes))).toBe(true);
    const get = await backend.repowire("attachment", "get", file.id, "--out", daemon.sandbox.file("stolen"));
    expect([get.code, get.err]).toEqual([66, expect.stringContaining("No attachment")]);
    const { attachment } = await backend.call("attach", { name: "its.txt", size: 3, data: btoa("its") });
    const refused = await daemon.fetch(`/v1/attachments/${attachment?.id}`);
    expect([refused.status, (await refused.json()).code]).toEqual([404, "handle_unknown"]);
  });

  // @req attachment.hash
  test("what is not what was said can go with no message, and is not kept beyond a start", async () => {
    await using own = await daemonProcess();
    const names = () => readdirSync(own.sandbox.paths.attachments);
    const send = (body: string, said: string) =>
      own.fetch("/v1/attachments?name=x.txt", { method: "POST", body, headers: { "repowire-sha256": sha256(said) } });
    const wrong = await send("these bytes", "other bytes");
    expect([wrong.status, (await wrong.json()).detail]).toEqual([400, expect.stringContaining("cut off, on its way")]);
    expect((await send("those bytes", "those bytes")).status).toBe(200);
    // The channel would start a daemon of its own: here is none.
    await own.crashAndRestart();
    expect(names()).toEqual([sha256("those bytes")]);
  });

  // @req attachment.limits
  test("what is too large is refused, said before or not, and leaves nothing", async () => {
    const before = kept().length;
    const said = await put("name=large.bin", new Uint8Array(LIMITS.attachmentBytesMax + 1));
    expect(said.status).toBe(413);
    const unsaid = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < 12; sent++) controller.enqueue(new Uint8Array(1_000_000));
        controller.close();
      },
    });
    expect((await put("name=large.bin", unsaid)).status).toBe(413);
    expect(kept()).toHaveLength(before);
  });

  test("without the token or a name nothing comes in", async () => {
    expect((await put("name=x", "x", { authorization: "Bearer wrong" })).status).toBe(401);
    expect((await put("", "x")).status).toBe(400);
  });

  // @req attachment.whole
  test("an upload that the daemon dies in leaves nothing, once it is back", async () => {
    await using own = await daemonProcess();
    const folder = own.sandbox.paths.attachments;
    const names = () => (existsSync(folder) ? readdirSync(folder) : []);
    const whole = await own.fetch("/v1/attachments?name=before.txt", { method: "POST", body: "from before" });
    const before = (await whole.json()) as Attachment;
    const { port, token } = own.address();
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(
      `POST /v1/attachments?name=half HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\nContent-Length: 9000000\r\n\r\n`,
    );
    socket.write(Buffer.alloc(3_000_000, 1));
    const isComing = (name: string) => name.startsWith("draft-") && statSync(join(folder, name)).size > 1_000_000;
    await until(() => names().some(isComing), "the draft");
    await own.crashAndRestart();
    socket.destroy();
    expect(names()).toEqual([before.sha256]);
    expect(await (await own.fetch(`/v1/attachments/${before.id}`)).text()).toBe("from before");
  });
});
