import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { instanceOf } from "../../src/platform/process.ts";
import { CLOSE, LIMITS, type MessageId } from "../../src/protocol/index.ts";
import { NO_BUDGETS_ENV } from "../support/budgets.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type LinkSession, linkSession, ownClaim, presented } from "../support/link-session.ts";
import { helloOf, type RawLink, rawLink } from "../support/raw-link.ts";
import { until } from "../support/until.ts";

// Real processes, on machines that have other work too.
setDefaultTimeout(60_000);

let daemon: DaemonProcess;
const open: LinkSession[] = [];

async function join(name: string, options?: Parameters<typeof linkSession>[2]): Promise<LinkSession> {
  const session = await linkSession(daemon.home, name, options);
  open.push(session);
  return session;
}

beforeAll(async () => {
  daemon = await daemonProcess({ env: NO_BUDGETS_ENV });
});
afterAll(async () => {
  for (const session of open) session[Symbol.dispose]();
  await daemon[Symbol.asyncDispose]();
});

const claim = () => ownClaim("raw", daemon.home);
const hello = (link: RawLink, ...given: Parameters<typeof helloOf>) => link.request("hello", { ...helloOf(...given) });
/** What the sender's own trace says. */
const trace = async ({ link }: LinkSession, id: string) =>
  (await link.mesh.trace({ id })).steps.map((step) => step.state);
const newMessage = () => `msg_${Bun.randomUUIDv7()}` as MessageId;
/** Resolves when the question is stored and waits for its recipient. */
const stored = (asker: LinkSession, message: MessageId) =>
  until(() => asker.link.mesh.trace({ id: message }).catch(() => undefined), "the question is stored");

describe("hello is refused, with a sentence and a close code that says stay away, for", () => {
  test("a wrong token", async () => {
    using link = await rawLink(daemon.address());
    const { error } = await hello(link, "rw_wrong", claim());
    expect(error).toMatchObject({
      message: "That token is not this daemon's. Restart the session; it reads the token file anew.",
      data: { code: "unauthorized", retryable: false },
    });
    expect((await link.closed).code).toBe(CLOSE.unauthorized);
  });

  test("a protocol that the daemon does not speak", async () => {
    using link = await rawLink(daemon.address());
    const { error } = await hello(link, daemon.address().token, claim(), { protocol: [99] });
    expect(error?.data?.code).toBe("protocol_unsupported");
    expect(error?.message).toContain("the session's side (raw 1) 99. Restart the session");
    expect((await link.closed).code).toBe(CLOSE.protocolUnsupported);
  });

  test("a process that does not run, a pid that is used again, and a process that is not the link's parent", async () => {
    const other = Bun.spawn(["/bin/sleep", "60"]);
    try {
      const instance = instanceOf(other.pid);
      const claims = [
        { ...claim(), process: { ...claim().process, pid: 4_194_305 } },
        { ...claim(), process: { ...claim().process, started: "1" } },
        { ...claim(), process: instance ?? claim().process },
        // The link's process belongs to the session, but this connection is not its own.
        { ...claim(), process: instance ?? claim().process, link_pid: other.pid },
      ];
      const answers = await Promise.all(
        claims.map(async (session) => {
          using link = await rawLink(daemon.address());
          const { error } = await hello(link, daemon.address().token, session);
          return [error?.data?.code, error?.message, (await link.closed).code];
        }),
      );
      expect(answers.map(([code, , close]) => [code, close])).toEqual(
        claims.map(() => ["unauthorized", CLOSE.unauthorized]),
      );
      expect(answers[2]?.[1]).toContain("A link is for the session that started it");
      expect(answers[3]?.[1]).toContain("This connection does not come from process");
    } finally {
      other.kill("SIGKILL");
      await other.exited;
    }
  });

  test("a session that does not say who it is", async () => {
    using link = await rawLink(daemon.address());
    const { error } = await link.request("hello", { token: daemon.address().token });
    expect(error).toMatchObject({ code: -32602, message: expect.stringContaining('hello: "protocol"') });
  });
});

describe("a link that breaks the rules gets one sentence, and lives on", () => {
  test("no JSON, no JSON-RPC, an unknown method, unknown arguments, a bad report", async () => {
    using link = await rawLink(daemon.address());
    link.send("{");
    expect((await link.stray()).error).toMatchObject({ code: -32700, data: { code: "invalid_json" } });
    link.send("[1]");
    expect((await link.stray()).error).toMatchObject({ code: -32600, data: { code: "invalid_input" } });
    expect((await hello(link, daemon.address().token, claim())).result).toMatchObject({ protocol: 1 });
    const bad = [
      await link.request("dance"),
      await link.request("peers", { cirle: "x" }),
      await link.request("report", { reports: [{ id: 1, report: { type: "seen" } }] }),
      await hello(link, daemon.address().token, claim()),
      await link.request("decide", { id: "aaaaa", verdict: "allow" }),
    ];
    expect(bad.map(({ error }) => error?.data?.code)).toEqual([
      "unknown_operation",
      "invalid_input",
      "invalid_input",
      "invalid_input",
      "human_required",
    ]);
    expect(bad[1]?.error?.message).toBe('peers does not know "cirle". Remove it and try again.');
    expect((await link.request("whoami")).result).toMatchObject({ peer: { name: "raw" } });
  });

  test("a frame that is too large", async () => {
    using link = await rawLink(daemon.address());
    await hello(link, daemon.address().token, claim());
    link.send(
      JSON.stringify({ jsonrpc: "2.0", id: 7, method: "peers", params: { x: "x".repeat(LIMITS.frameBytesMax) } }),
    );
    expect((await link.stray()).error).toMatchObject({ data: { code: "frame_too_large" } });
    expect((await link.request("whoami")).result).toMatchObject({ peer: { name: "raw" } });
  });

  test("anything before hello ends it", async () => {
    using link = await rawLink(daemon.address());
    expect((await link.request("peers")).error?.message).toBe("The first request on a link is hello.");
    expect((await link.closed).code).toBe(CLOSE.unauthorized);
  });
});

describe("a delivery", () => {
  test("is presented only when the session's side says so", async () => {
    const sender = await join("sender");
    const said = Promise.withResolvers<void>();
    const recipient = await join("slow", {
      onDeliver: async (items) => {
        await said.promise;
        return items.map(presented);
      },
    });
    const sent = sender.link.mesh.notify({ peer: "slow", text: "first" });
    const item = await recipient.got("first");
    expect(await trace(sender, item.handle)).toEqual(["queued", "leased"]);
    said.resolve();
    expect((await sent).recipient.delivery).toBe("presented");
  });

  test("that is held or refused there says why to its sender", async () => {
    const sender = await join("sender-2");
    for (const outcome of ["held", "refused"] as const) {
      const peer = `does-${outcome}`;
      await join(peer, {
        onDeliver: async (items) => items.map((item) => ({ ...presented(item), outcome, reason: "its user said so" })),
      });
      const { recipient } = await sender.link.mesh.notify({ peer, text: "hi" });
      expect(recipient).toMatchObject({ delivery: outcome, reason: "its user said so" });
    }
  });
});

describe("what the session's side cannot hand over now", () => {
  test("goes out again when it says that the hold is over", async () => {
    const sender = await join("sender-3");
    let isHeld = true;
    const recipient = await join("holds", {
      onDeliver: async (items) =>
        items.map((item) => ({ ...presented(item), outcome: isHeld ? ("held" as const) : ("presented" as const) })),
    });
    const { recipient: at, id } = await sender.link.mesh.notify({ peer: "holds", text: "later" });
    expect(at.delivery).toBe("held");
    isHeld = false;
    recipient.link.report({ type: "released" });
    await until(async () => (await trace(sender, id)).includes("presented"), "it is handed over again");
    expect(recipient.received.map((item) => item.attempt)).toEqual([1, 2]);
  });
});

describe("a call that the link says a subagent makes", () => {
  test("reads the mail, which stays unread for the session itself", async () => {
    const sender = await join("sender-4");
    const reader = await join("has-subagents");
    reader.link.report({ type: "turn_started" });
    await until(async () => {
      const { peers } = await sender.link.mesh.peers({});
      return peers.some((peer) => peer.name === "has-subagents" && peer.presence.state === "busy");
    }, "the session is busy");
    await sender.link.mesh.notify({ peer: "has-subagents", text: "for the session" });
    const bodies = async (subagent: boolean) => {
      const mail = await reader.link.mesh.inbox({}, { subagent });
      return mail.type === "mail" ? mail.items.map((item) => item.body) : [];
    };
    expect(await bodies(true)).toEqual(["for the session"]);
    expect(await bodies(false)).toEqual(["for the session"]);
    expect(await bodies(false)).toEqual([]);
  });
});

describe("kill -9 of the daemon", () => {
  test("loses and doubles nothing, whatever was under way", async () => {
    const asker = await join("asker");
    const askee = await join("askee");
    const gate = Promise.withResolvers<void>();
    const stuck = await join("stuck", {
      onDeliver: async (items) => {
        await gate.promise;
        return items.map(presented);
      },
    });
    // Handed over and waited for; handed over without a result yet; waiting for an answer with a second question behind it.
    const answer = asker.link.mesh.ask({ peer: "askee", question: "q1", wait_seconds: 30 });
    const second = asker.link.mesh.ask({ peer: "askee", question: "q2", wait_seconds: 30 });
    const first = await askee.got("q1");
    const note = asker.link.mesh.notify({ peer: "stuck", text: "n1" });
    await stuck.got("n1");
    await daemon.end();
    await until(() => [asker, askee, stuck].every(({ link }) => link.state === "offline"), "the links notice");
    // What happens while it is away is reported when it is back.
    gate.resolve();
    askee.link.report({ type: "seen", message: first.message, by: "test" });
    const late = asker.link.mesh.notify({ peer: "stuck", text: "n2" });
    await daemon.start();

    const reply = await askee.link.mesh.reply({ id: first.handle, text: "a1" });
    expect(reply).toMatchObject({ repeated: false, outcome: "answer" });
    expect(await answer).toMatchObject({ state: "answered", by: "reply", text: "a1" });
    const next = await askee.got("q2");
    await askee.link.mesh.reply({ id: next.handle, text: "a2" });
    expect(await second).toMatchObject({ state: "answered", text: "a2" });
    expect((await note).recipient.delivery).toBe("presented");
    // Links come back in any order: before the recipient's, it waits in the queue and says so.
    expect(["queued", "presented"]).toContain((await late).recipient.delivery);
    await stuck.got("n2");
    expect(askee.received.map((item) => item.body)).toEqual(["q1", "q2"]);
    expect(stuck.received.map((item) => item.body)).toEqual(["n1", "n2"]);
    expect(await trace(asker, first.handle)).toEqual(
      expect.arrayContaining(["queued", "leased", "presented", "seen", "answered"]),
    );
    expect((await trace(asker, first.handle)).filter((state) => state === "seen")).toEqual(["seen"]);
  });

  test("at any moment of a stream of messages", async () => {
    const sender = await join("streamer");
    const recipient = await join("reader");
    const sent: Promise<unknown>[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 15; i++) sent.push(sender.link.mesh.notify({ peer: "reader", text: `m${round}-${i}` }));
      await recipient.got(`m${round}-0`);
      await daemon.crashAndRestart();
    }
    await Promise.all(sent);
    const bodies = Array.from({ length: 45 }, (_, i) => `m${Math.floor(i / 15)}-${i % 15}`);
    await recipient.got("m2-14");
    expect(recipient.received.map((item) => item.body).sort()).toEqual(bodies.sort());
  });

  test("gives the same seat back, with its name and what waits for it", async () => {
    const peer = await join("sticky");
    const before = peer.link.welcome?.peer.id;
    await daemon.crashAndRestart();
    await until(() => peer.link.state === "online" && peer.states.includes("offline"), "the link is back");
    expect(peer.link.welcome?.peer).toMatchObject({ id: before as string, name: "sticky" });
  });
});

describe("what a call of an interrupted user asked", () => {
  test("is withdrawn where nobody has it yet", async () => {
    const asker = await join("impatient");
    const busy = await join("occupied");
    busy.link.report({ type: "turn_started" });
    const abort = new AbortController();
    const message = newMessage();
    const call = asker.link.mesh.ask({ peer: "occupied", question: "never mind", message }, { signal: abort.signal });
    await stored(asker, message);
    abort.abort();
    expect(await call).toMatchObject({ state: "cancelled" });
  });

  test("is not asked after all when the daemon comes back, where it never heard of it", async () => {
    const asker = await join("offline-asker");
    const askee = await join("offline-askee");
    await daemon.end();
    await until(() => asker.link.state === "offline", "the link notices");
    const abort = new AbortController();
    const call = asker.link.mesh.ask({ peer: "offline-askee", question: "still?" }, { signal: abort.signal });
    abort.abort();
    await expect(call).rejects.toThrow("withdrawn");
    await daemon.start();
    await asker.link.mesh.notify({ peer: "offline-askee", text: "behind it" });
    await askee.got("behind it");
    expect(askee.received.map((item) => item.body)).toEqual(["behind it"]);
  });

  test("is withdrawn after the restart, where the daemon had it", async () => {
    const asker = await join("crash-asker");
    const busy = await join("crash-askee");
    busy.link.report({ type: "turn_started" });
    const abort = new AbortController();
    const message = newMessage();
    const call = asker.link.mesh.ask({ peer: "crash-askee", question: "gone?", message }, { signal: abort.signal });
    await stored(asker, message);
    await daemon.end();
    await until(() => asker.link.state === "offline", "the link notices");
    abort.abort();
    await expect(call).rejects.toThrow("withdrawn");
    await daemon.start();
    await until(
      async () => (await trace(asker, message).catch((): string[] => [])).includes("cancelled"),
      "it is withdrawn",
    );
    busy.link.report({ type: "turn_ended" });
    await asker.link.mesh.notify({ peer: "crash-askee", text: "after it" });
    await busy.got("after it");
    expect(busy.received.map((item) => item.body)).toEqual(["after it"]);
  });
});

test("A second link of a session takes over; the first stays away", async () => {
  const first = await join("twice");
  const second = await join("twice");
  await until(() => first.link.state === "refused", "the first link gives up");
  expect(second.link.welcome?.peer.id).toBe(first.link.welcome?.peer.id);
  const sender = await join("to-twice");
  await sender.link.mesh.notify({ peer: "twice", text: "for the second" });
  await second.got("for the second");
  expect(first.received).toEqual([]);
  await expect(first.link.mesh.peers({})).rejects.toThrow("another link of this session took over");
});

test("What the daemon hands over twice enters the session once", async () => {
  const handed: string[] = [];
  const { createDeliveries } = await import("../../src/client/deliveries.ts");
  const deliveries = createDeliveries(async (items) => {
    handed.push(...items.map((item) => `${item.body} ${item.attempt}`));
    return items.map(presented);
  });
  const sender = await join("repeater");
  const recipient = await join("repeated");
  await sender.link.mesh.notify({ peer: "repeated", text: "once" });
  const item = await recipient.got("once");
  const results = [await deliveries.take([item]), await deliveries.take([item])];
  expect(results).toEqual([[presented(item)], [presented(item)]]);
  await deliveries.take([{ ...item, attempt: 2 }]);
  expect(handed).toEqual(["once 1", "once 2"]);
});

describe("a daemon that stops in good order", () => {
  test("tells the links when to come back, and they come back", async () => {
    using raw = await rawLink(daemon.address());
    await hello(raw, daemon.address().token, claim());
    const peer = await join("patient");
    await daemon.end("SIGHUP");
    expect((await raw.closed).code).toBe(CLOSE.shuttingDown);
    expect(raw.asked.at(-1)).toMatchObject({ method: "shutdown", params: { back_in_ms: 500 } });
    await daemon.start();
    await until(() => peer.link.state === "online", "the link is back");
  });

  test("for good, says so: nobody starts it again", async () => {
    const mayStart: boolean[] = [];
    const { locateDaemon, linkUrl } = await import("../../src/client/index.ts");
    const peer = await join("obedient", {
      locate: async (may) => {
        mayStart.push(may);
        const address = locateDaemon(daemon.home);
        if (!address) throw new Error("no daemon");
        return { url: linkUrl(address), token: address.token };
      },
    });
    expect(await daemon.end("SIGTERM")).toBe(0);
    await until(() => mayStart.length >= 3, "it tries again");
    expect(mayStart.slice(0, 1)).toEqual([true]);
    expect(mayStart.slice(1)).not.toContain(true);
    await daemon.start();
    await until(() => peer.link.state === "online", "the link is back");
  });
});
