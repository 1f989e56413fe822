import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connectLink, findDaemon, httpMesh, linkUrl, locateDaemon } from "../../src/client/index.ts";
import { startScriptedSession } from "../../src/demo/scripted-session.ts";
import { buildBundles } from "../../src/platform/bundle.ts";
import { readDaemonRecord } from "../../src/platform/daemon-record.ts";
import { homePaths } from "../../src/platform/paths.ts";
import { instanceOf, processInfo } from "../../src/platform/process.ts";
import { ENTRIES, type Entry, isolatedBun } from "../../src/platform/program.ts";
import {
  type AskOutcome,
  type Envelope,
  LIMITS,
  type OperationOutput,
  RepowireError,
  VERSION,
} from "../../src/protocol/index.ts";
import { NO_BUDGETS_ENV } from "../support/budgets.ts";
import type { FaultDriver, LedgerMessage, MeshUnderTest, PeerConnection, PeerSpec, Shown, Told } from "./driver.ts";

/** How the suite speaks to repowire. Nothing else in this folder knows it. */
export const driver: FaultDriver = {
  build: buildBundles,
  mesh: ({ build, root, home }) => meshIn(build, root, home ?? join(root, "home")),
  join: (spec, onShown) => (spec.kind === "link" ? joinByLink(spec, onShown) : joinAsSession(spec, onShown)),
  refusals: { mailboxFull: "mailbox_full", overloaded: "overloaded", storageFull: "storage_full" },
  limits: { mailbox: LIMITS.mailboxLengthMax, links: LIMITS.linksMax },
};

const START_MS = 20_000;
const TRACES_AT_ONCE = 12;

function commandOf(build: string, entry: Entry, preload?: string): string[] {
  const bun = isolatedBun(process.execPath, join(build, "bunfig.toml"));
  return [...bun, ...(preload ? ["--preload", preload] : []), join(build, ENTRIES[entry].bundle)];
}

function meshIn(build: string, root: string, home: string): MeshUnderTest {
  const paths = homePaths(home);
  const env = {
    ...NO_BUDGETS_ENV,
    PATH: process.env.PATH ?? "",
    HOME: root,
    USER: "faults",
    TMPDIR: root,
    REPOWIRE_HOME: home,
    REPOWIRE_PORT: "0",
  };
  /** Whatever changes leaves an event: only what has one since the last look is traced again. */
  let known = { epoch: "", cursor: 0, changed: new Set<string>(), traces: new Map<string, LedgerMessage>() };
  mkdirSync(home, { recursive: true, mode: 0o700 });

  async function call<T>(what: (mesh: ReturnType<typeof httpMesh>) => Promise<T>): Promise<T> {
    const address = await findDaemon(home);
    if (!address) throw new Error("no daemon answers");
    return what(httpMesh(address));
  }

  return {
    home,
    database: paths.database,
    async start({ port, preload, env: extra } = {}) {
      const child = Bun.spawn([...commandOf(build, "cli", preload), "daemon", "run", "--detached"], {
        cwd: root,
        env: { ...env, ...extra, ...(port === undefined ? {} : { REPOWIRE_PORT: String(port) }) },
        stdin: "ignore",
        stdout: "ignore",
        stderr: "pipe",
      });
      const said = new Response(child.stderr).text();
      const deadline = Date.now() + START_MS;
      while (Date.now() < deadline) {
        if (await findDaemon(home)) return;
        if (child.exitCode !== null || child.signalCode !== null) {
          const text = await said;
          // A session's own side was faster: its daemon is the one to use.
          if (!text.includes("already serves")) throw new Error(text.trim() || `ended with ${child.exitCode}`);
        }
        await Bun.sleep(20);
      }
      throw new Error(`no daemon within ${START_MS} ms`);
    },
    async stop() {
      const pid = alivePid(home);
      if (pid === undefined) return;
      process.kill(pid, "SIGTERM");
      while (processInfo(pid)) await Bun.sleep(10);
    },
    pid: () => alivePid(home),
    port: () => readDaemonRecord(home)?.port,
    spec: ({ name, kind }) => {
      const folder = join(root, "peers", name);
      mkdirSync(folder, { recursive: true });
      return { name, kind, folder, home, build, env };
    },
    async ledger() {
      return call(async (mesh) => {
        for (;;) {
          const page = await mesh.events({ after: known.cursor, limit: LIMITS.pageMax });
          if (page.epoch !== known.epoch) {
            // Another database: what the old one said counts no more.
            known = { epoch: page.epoch, cursor: 0, changed: new Set(), traces: new Map() };
            continue;
          }
          for (const event of page.events) if (event.message) known.changed.add(event.message);
          if (page.events.length === 0) break;
          known.cursor = page.cursor;
        }
        const ids = [...known.changed];
        for (let i = 0; i < ids.length; i += TRACES_AT_ONCE) {
          const some = ids.slice(i, i + TRACES_AT_ONCE);
          for (const trace of await Promise.all(some.map((id) => mesh.trace({ id }))))
            known.traces.set(trace.message, ledgerMessage(trace));
          for (const id of some) known.changed.delete(id);
        }
        return [...known.traces.values()];
      });
    },
    async health() {
      const address = locateDaemon(home);
      if (!address) return { ok: false, text: "no address" };
      const response = await fetch(`http://127.0.0.1:${address.port}/health`, {
        headers: { authorization: `Bearer ${address.token}` },
        signal: AbortSignal.timeout(5_000),
      });
      return { ok: response.ok, text: await response.text() };
    },
  };
}

function alivePid(home: string): number | undefined {
  const pid = readDaemonRecord(home)?.pid;
  return pid !== undefined && processInfo(pid) ? pid : undefined;
}

function ledgerMessage(trace: OperationOutput<"trace">): LedgerMessage {
  return {
    id: trace.message,
    kind: trace.kind,
    from: trace.from,
    text: trace.excerpt,
    ask: trace.ask && { state: trace.ask.state, answer: trace.ask.answer },
    deliveries: trace.deliveries.map((delivery, index) => ({
      to: trace.to[index] ?? "",
      handle: delivery.handle,
      state: delivery.state,
      attempt: delivery.attempt,
      reason: delivery.reason,
    })),
    history: trace.steps.map((step) => `${step.at} ms ${step.state} ${step.peer ?? ""} ${step.detail ?? ""}`.trim()),
  };
}

/** A process that holds its link itself, as a plugin in an agent's own process does. */
async function joinByLink(spec: PeerSpec, onShown: (shown: Shown) => void): Promise<PeerConnection> {
  const instance = instanceOf(process.pid);
  if (!instance) throw new Error("no process table");
  const link = connectLink({
    locate: async () => {
      const address = await findDaemon(spec.home);
      if (!address) throw new Error("no daemon");
      return { url: linkUrl(address), token: address.token };
    },
    session: () => ({
      runtime: "memory",
      process: instance,
      link_pid: process.pid,
      path: spec.folder,
      key: spec.key,
      name: spec.name,
    }),
    client: { name: "faults", version: VERSION },
    capabilities: [],
    async onDeliver(items) {
      for (const item of items) {
        onShown(shownOf(item, "push"));
        link.report({ type: "seen", message: item.message, by: "faults" });
      }
      return items.map((item) => ({ message: item.message, attempt: item.attempt, outcome: "presented" as const }));
    },
  });
  const welcome = await link.welcomed;
  link.ready();

  async function tell<T>(call: Promise<T>, read: (value: T) => Omit<Told, "said">): Promise<Told> {
    try {
      return { said: "accepted", ...read(await call) };
    } catch (error) {
      const code = error instanceof RepowireError ? error.code : "internal";
      return { said: code === "unavailable" ? "unknown" : "refused", state: "", code, text: String(error) };
    }
  }

  function readAsk(outcome: AskOutcome): Omit<Told, "said"> {
    if ("answer" in outcome && outcome.answer) link.report({ type: "result_written", message: outcome.answer.message });
    if (outcome.state === "asked_first") {
      onShown(shownOf(outcome.question, "result"));
      link.report({ type: "result_written", message: outcome.question.message });
    }
    const text = "text" in outcome ? outcome.text : outcome.state === "failed" ? outcome.detail : "";
    const state = outcome.state === "pending" ? outcome.recipient.delivery : outcome.state;
    return { state, text, message: outcome.message };
  }

  return {
    name: welcome.peer.name,
    linkPid: () => process.pid,
    send(kind, to, text, { waitSeconds, urgency }) {
      const given = { urgency: urgency as "normal" };
      switch (kind) {
        case "ask":
          return tell(link.mesh.ask({ peer: to, question: text, wait_seconds: waitSeconds, ...given }), readAsk);
        case "notify":
          return tell(link.mesh.notify({ peer: to, text, ...given }), (sent) => ({
            state: sent.recipient.delivery,
            text: "",
            message: sent.message,
          }));
        case "broadcast":
          return tell(link.mesh.broadcast({ text }), (sent) => ({
            state: "queued",
            text: "",
            message: sent.message,
            to: sent.recipients.map((recipient) => recipient.peer),
          }));
        default:
          return kind satisfies never;
      }
    },
    reply: (handle, text, decline) =>
      tell(link.mesh.reply({ id: handle, text, outcome: decline ? "decline" : "answer" }), () => ({
        state: "answered",
        text: "",
      })),
    async close() {
      link.close();
    },
  };
}

const shownOf = (item: Envelope, via: Shown["via"]): Shown => ({
  message: item.message,
  handle: item.handle,
  kind: item.kind,
  attempt: item.attempt,
  again: item.attempt > 1,
  text: item.body,
  via,
});

/** An agent session with the real channel process and hooks; only its model is missing. */
async function joinAsSession(spec: PeerSpec, onShown: (shown: Shown) => void): Promise<PeerConnection> {
  let turnOver: (() => void) | undefined;
  const asks = new Set<string>();
  const wanted: (() => Promise<void>)[] = [];
  const session = await startScriptedSession({
    channel: commandOf(spec.build, "channel-claude-code"),
    hook: [...commandOf(spec.build, "hook"), "claude-code"],
    projectDir: spec.folder,
    configDir: join(spec.folder, ".claude"),
    env: { ...spec.env, REPOWIRE_NAME: spec.name },
    onPush: (frame) => read(frame, "push"),
    onContext: (_event, text) => read(text, "hook"),
    /** What its user wants sent is sent within a turn, and a turn lasts until every question that it took in was answered. */
    async model() {
      await Promise.all(wanted.splice(0).map((run) => run()));
      if (asks.size > 0) await new Promise<void>((resolve) => (turnOver = resolve));
      session.say("");
    },
  });

  function read(text: string, via: Shown["via"]): void {
    for (const [, attributes = "", content = ""] of text.matchAll(
      /<channel source="repowire"([^>]*)>\n([\s\S]*?)\n<\/channel>/g,
    )) {
      const handle = attributes.match(/ id="([a-z0-9]{5})"/)?.[1];
      const kind = attributes.match(/ kind="([a-z]+)"/)?.[1] ?? "";
      if (kind === "ask" && handle) asks.add(handle);
      onShown({ handle, kind, again: content.includes(" (again)"), text: content, via });
    }
  }

  function inTurn(name: string, args: Record<string, unknown>): Promise<Told> {
    const { promise, resolve } = Promise.withResolvers<Told>();
    wanted.push(async () => resolve(await call(name, args)));
    void session.prompt("Send what I told you to send.");
    return promise;
  }

  async function call(name: string, args: Record<string, unknown>): Promise<Told> {
    let text: string;
    try {
      text = await session.callTool(name, args);
    } catch (error) {
      return { said: "unknown", state: "", text: String(error) };
    }
    const [, peerAsks, handle, question] = text.match(/^(\S+) asks first \((\w{5})\): ([\s\S]*)\nCall /) ?? [];
    if (peerAsks && handle) {
      onShown({ handle, kind: "ask", again: false, text: question ?? "", via: "result" });
      return { said: "accepted", state: "asked_first", text };
    }
    const state = stateIn(text);
    if (state) return { said: "accepted", state, text };
    const isUnknown = /did not answer|not known whether|still starting|link was closed/.test(text);
    const code = CODE_WORDS.find(([words]) => text.includes(words))?.[1];
    return { said: isUnknown ? "unknown" : "refused", state: "", code, text };
  }

  return {
    name: spec.name,
    linkPid: () => childOf(process.pid, ENTRIES["channel-claude-code"].bundle),
    send(kind, to, text, { waitSeconds, urgency }) {
      switch (kind) {
        case "ask":
          return inTurn("ask_peer", { peer: to, question: text, wait_seconds: waitSeconds, urgency });
        case "notify":
          return inTurn("notify_peer", { peer: to, text, urgency });
        case "broadcast":
          return inTurn("broadcast", { text }).then((told) => ({
            ...told,
            to: told.text.match(/\(([^)]*)\)/)?.[1]?.split(", "),
          }));
        default:
          return kind satisfies never;
      }
    },
    async reply(handle, text, decline) {
      const told = await call("reply", { id: handle, text, outcome: decline ? "decline" : "answer" });
      if (told.said === "accepted" || told.said === "refused") asks.delete(handle);
      if (asks.size === 0) turnOver?.();
      return told;
    },
    close: () => session.close(),
  };
}

const CODE_WORDS = [
  ["unread messages, the most", "mailbox_full"],
  ["database is full", "storage_full"],
  ["wait to be stored", "overloaded"],
] as const;

/** What the words of a result say, as a model would take them. */
function stateIn(text: string): string | undefined {
  if (/ answered in /.test(text)) return "answered";
  if (/ declined after /.test(text)) return "declined";
  if (/^no answer \(/.test(text)) return "failed";
  if (/^(?:pending|queued|held) /.test(text)) return "pending";
  if (/^(?:notified|queued|held|broadcast|answered|declined|delivered|sent|stored|already|not delivered)\b/i.test(text))
    return "sent";
  return undefined;
}

function childOf(parent: number, program: string): number | undefined {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && processInfo(pid)?.ppid === parent)
    .find(
      (pid) => existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(program),
    );
}
