import { findDaemon } from "../../src/client/index.ts";
import { type Health, type OperationOutput, RepowireError } from "../../src/protocol/index.ts";
import type { AgentDriver, AgentSession } from "../agents/driver.ts";
import type { World } from "../agents/world.ts";
import { withNotes } from "./frames.ts";
import { judge, LIES, type Lie } from "./judge.ts";
import { asksIn, recipient, TYPED } from "./model.ts";
import { type CellPlan, type Planned, planOf } from "./plan.ts";
import type { Row } from "./report.ts";
import { type Scene, type Staging, wasSent } from "./stagings.ts";

/** A turn that is under way when messages come lasts this long. */
const LONG_MS = 5_000;
const ACCEPT_MS = 60_000;
const END_MS = 45_000;
/** A transcript is written a moment after things happen, and the ledger follows it a moment later. */
const SETTLE_MS = 10_000;

interface Sent extends Planned {
  message: string;
}

type Trace = OperationOutput<"trace">;

export interface CellOptions {
  driver: AgentDriver;
  staging: Staging;
  seed: number;
  messages: number;
  world: World;
  /** A line about what was found. */
  say(line: string): void;
}

/** One runtime in one condition: as many stagings as its messages need, then the verdicts. */
export async function runCell(options: CellOptions): Promise<Row> {
  const { driver, staging, world, messages, seed, say } = options;
  const plan = planOf(seed, `${driver.runtime}: ${staging.condition}`, messages);
  const counts = Object.fromEntries(LIES.map((lie) => [lie, 0])) as Record<Lie, number>;
  const row: Row = {
    runtime: driver.runtime,
    condition: staging.condition,
    ...{ messages: 0, read: 0, unlogged: 0, ...counts, drafts: 0, dialogs: 0, changed: 0, mismatches: 0 },
  };
  let kept: AgentSession | undefined;
  let sent: Sent[] = [];
  for (const [n, planned] of plan.stagings.entries()) {
    const name = staging.isFresh ? `backend${n}` : "backend";
    const early = staging.isEarly ? planned.map((one) => send(world, name, one, one.after * 1_000)) : [];
    const session: AgentSession = kept ?? (await start(options, plan, name));
    kept = session;
    try {
      sent.push(...(await stage(options, plan, { session, n, planned, early, row })));
      await settled(world, sent, staging.isFatal ? 3_000 : END_MS);
      if (!staging.isFresh && n < plan.stagings.length - 1) continue;
      await conclude(options, session, sent, row);
    } catch (error) {
      for (const { message } of sent) say(JSON.stringify(await world.mesh.trace({ id: message })));
      say(`the screen of ${name}:\n${session.screen()}`);
      throw error;
    }
    kept = undefined;
    sent = [];
    if (staging.isFresh && !staging.isFatal) await session.kill();
  }
  row.mismatches = await mismatchesOf(world);
  return row;
}

/** What the daemon marked by itself; a look at what was sent within the last half minute is still to come. */
async function mismatchesOf({ home, until }: World): Promise<number> {
  const { port, token } = await until("the daemon is there", () => findDaemon(home));
  const response = await fetch(`http://127.0.0.1:${port}/health`, { headers: { authorization: `Bearer ${token}` } });
  const { counts } = (await response.json()) as Health; // the daemon's own answer
  if (counts?.mismatches === undefined) throw new Error("the daemon does not count mismatches");
  return counts.mismatches;
}

function start({ driver, staging, world }: CellOptions, plan: CellPlan, name: string): Promise<AgentSession> {
  const slowMs = () => (staging.slow ? plan.random.int(LONG_MS * staging.slow) : 0);
  return driver.start(world, name, { model: recipient(LONG_MS, slowMs), allowShell: staging.allowShell });
}

interface Group {
  session: AgentSession;
  n: number;
  planned: readonly Planned[];
  /** Those that are on their way already. */
  early: Promise<Sent>[];
  row: Row;
}

/** Brings the session into the condition once, with the messages of one group. */
async function stage({ staging, world }: CellOptions, { random }: CellPlan, group: Group): Promise<Sent[]> {
  const { session, n, planned, early, row } = group;
  const accepted: Sent[] = [];
  const underWay: Promise<Sent>[] = [];
  const within = planned.filter(({ moment }) => moment === "within");
  const leaving = planned.filter(({ moment }) => moment === "leaving");
  const follow = (sending: Promise<Sent>) => {
    underWay.push(sending);
    // A refusal is heard where all are awaited.
    sending.then((sent) => accepted.push(sent)).catch(() => {});
  };
  // Where the moment of leaving is drawn, messages come around it; else all of the condition is theirs.
  const isQuick = staging.isFatal || staging.slow !== undefined;
  const sendAll = (messages: readonly Planned[], overMs: number) => {
    if (staging.isEarly) return;
    for (const one of messages) follow(send(world, session.name, one, one.after * overMs));
  };
  const scene: Scene = {
    world,
    session,
    harm: row,
    longMs: LONG_MS,
    n,
    drawn: (below) => random.int(below),
    async presented() {
      // News alone may wait for the person's next prompt.
      if (within.every(({ urgency }) => urgency === "fyi")) return;
      await world.until("a message is with the session", async () => {
        const traces = await Promise.all(accepted.map(traceOf(world)));
        return traces.some(({ deliveries }) => (deliveries[0]?.attempt ?? 0) > 0);
      });
    },
  };
  for (const sending of early) follow(sending);
  await staging.enter(scene);
  sendAll(within, isQuick ? 1_500 : LONG_MS * 0.8);
  if (!isQuick && !staging.isEarly) await Bun.sleep(LONG_MS * 0.9);
  const left = staging.leave(scene);
  sendAll(leaving, isQuick ? LONG_MS : 1_000);
  await left;
  return await Promise.all(underWay);
}

/** Sends until the daemon has taken it: the message's id is ours, so that saying it again changes nothing. */
function send(world: World, peer: string, planned: Planned, afterMs: number): Promise<Sent> {
  const sending = accept(world, peer, planned, afterMs);
  // It is awaited when the staging is over; until then a refusal has nobody to hear it.
  sending.catch(() => {});
  return sending;
}

async function accept({ mesh, until }: World, peer: string, planned: Planned, afterMs: number): Promise<Sent> {
  const { word, kind, urgency } = planned;
  const message = `msg_${Bun.randomUUIDv7()}`;
  await Bun.sleep(afterMs);
  await until(
    `${word} is accepted`,
    async () => {
      try {
        if (kind === "notify") await mesh.notify({ peer, text: `The herd of ${word} moved.`, urgency, message });
        else await mesh.ask({ peer, question: `How many ${word} are there?`, urgency, message, wait_seconds: 0 });
        return true;
      } catch (error) {
        // Not a peer yet, or no daemon at this moment; anything else is a fault of this suite.
        if (error instanceof RepowireError && !["peer_not_found", "unavailable"].includes(error.code)) throw error;
        return false;
      }
    },
    ACCEPT_MS,
  );
  return { ...planned, message };
}

const traceOf =
  (world: World) =>
  ({ message }: Sent): Promise<Trace> =>
    world.mesh.trace({ id: message });

/** Waits until nothing moves that could; what still waits then is left to the verdict. */
async function settled(world: World, sent: readonly Sent[], withinMs: number): Promise<void> {
  const isSettled = ({ ask, deliveries }: Trace) =>
    ask ? ask.state !== "open" : !["queued", "leased", "presented"].includes(deliveries[0]?.state ?? "");
  const waitsFor = sent.filter(({ urgency }) => urgency !== "fyi");
  const deadline = Date.now() + withinMs;
  while (!(await Promise.all(waitsFor.map(traceOf(world)))).every(isSettled) && Date.now() < deadline)
    await Bun.sleep(200);
}

/** A prompt of the person's brings what only rides along; then every message of this session gets its verdict. */
async function conclude({ staging, world, say }: CellOptions, session: AgentSession, sent: Sent[], row: Row) {
  if (!staging.isFatal) {
    await session.idle(60_000);
    await session.type(TYPED.hello(9_000));
    await session.idle();
  }
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const verdicts = await verdictsOf(world, session, sent, staging.isFatal === true);
    const isOpen = verdicts.some(({ verdict }) => verdict.lies.length > 0);
    if (isOpen && Date.now() < deadline) {
      await Bun.sleep(300);
      continue;
    }
    for (const { one, trace, answer, verdict } of verdicts) {
      row.messages++;
      if (verdict.isRead) row.read++;
      if (verdict.isUnlogged) row.unlogged++;
      for (const lie of verdict.lies) row[lie]++;
      const turns = session.api.turns.filter(({ text }) => text.includes(one.word)).length;
      const evidence = { shown: verdict.shown, servedToModel: turns, answer, trace };
      if (verdict.lies.length > 0) say(`${one.word} ${verdict.lies.join(", ")}: ${JSON.stringify(evidence)}`);
      else if (!verdict.isRead && !staging.isFatal)
        say(`${one.word} ${one.kind} ${one.urgency} ${one.moment} is not read: ${trace.deliveries[0]?.state}`);
    }
    break;
  }
  const settings = session.settings();
  // A session that was killed may have taken a message in and never come to a turn of its model.
  if (!staging.isFatal && settings.length === 0 && row.read > 0)
    throw new Error(`no setting of ${session.runtime}'s turns is on record`);
  const kinds = new Set(settings.map((setting) => setting.split(" ")[0]));
  if (settings.length > kinds.size) {
    row.changed++;
    say(`the settings changed: ${settings.join(" | ")}`);
  }
  if (staging.condition === "half-typed draft" && wasSent(session)) row.drafts++;
}

/** What the model's service knows, apart from the CLI: this question was in what it was given, and the script answers it at once. */
const wasReplied = (session: AgentSession, word: string): boolean =>
  session.api.turns.some(({ text }) => asksIn(text).some((ask) => ask.word === word));

async function verdictsOf(world: World, session: AgentSession, sent: readonly Sent[], isFatal: boolean) {
  const traces = await Promise.all(sent.map(traceOf(world)));
  const answers = await Promise.all(traces.map((trace) => answerOf(world, trace)));
  const transcript = withNotes(session.transcript(), session.runtime === "opencode" ? session.api.turns : []);
  return sent.map((one, at) => {
    const trace = traces[at] as Trace;
    const claim = { word: one.word, answer: answers[at], isCutOff: isFatal && wasReplied(session, one.word), trace };
    return { one, trace, answer: claim.answer, verdict: judge(session.runtime, transcript, claim) };
  });
}

async function answerOf(world: World, { ask, id }: Trace): Promise<string | undefined> {
  if (ask?.state !== "answered") return undefined;
  const found = await world.mesh.inbox({ id });
  return found.type === "ask" && found.outcome.state === "answered" ? found.outcome.text : undefined;
}
