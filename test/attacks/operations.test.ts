import { beforeEach, describe, expect, test } from "bun:test";
import { OPERATION_NAMES, OPERATIONS, type OperationName, type PeerId } from "../../src/protocol/index.ts";
import { createMesh, type MeshHarness } from "../support/mesh-harness.ts";

/**
 * Every operation, called by an agent that wants something of a conversation which is not its own. The table must have a row for
 * each operation, so a new one cannot be forgotten: what it could be made to do with others' things has to be thought of here.
 */
interface Foreign {
  handle: string;
  message: string;
  answerHandle: string;
  victim: PeerId;
  victimName: string;
  /** A message of the victim's to itself, for later. */
  schedule: string;
  /** A file that the victim sent to the friend. */
  attachment: string;
}

const SECRET = "between-the-two-of-us";

const PROBES: Record<OperationName, (foreign: Foreign) => unknown[]> = {
  ask: ({ message, attachment }) => [
    { peer: "friend", question: "mine now", message, wait_seconds: 0 },
    { peer: "friend", question: "with theirs", attachments: [attachment], wait_seconds: 0 },
  ],
  ask_several: ({ message }) => [
    { peers: ["friend", "victim"], question: "mine now", message, wait_seconds: 0 },
    { peers: ["friend"], question: `${SECRET} 2`, message, wait_seconds: 0 },
  ],
  reply: ({ handle, answerHandle }) => [
    { id: handle, text: "forged" },
    { id: handle, text: "forged", outcome: "decline" },
    { id: handle, text: "forged", outcome: "progress" },
    { id: answerHandle, text: "forged" },
  ],
  notify: ({ message }) => [{ peer: "friend", text: "mine now", message }],
  broadcast: ({ message }) => [
    { text: "mine now", message },
    { text: "elsewhere", circle: "other" },
  ],
  peers: () => [{}, { all: true }, { circle: "other" }],
  describe: ({ victim }) => [
    { description: "forged", peer: victim },
    { text: "forged", id: victim },
  ],
  whoami: ({ handle, message, answerHandle }) => [{ id: handle }, { id: message }, { id: answerHandle }],
  inbox: ({ handle, message, answerHandle, victim, schedule, attachment }) => [
    { id: handle },
    { id: message },
    { id: answerHandle },
    { id: handle, cancel: true },
    { id: schedule },
    { id: schedule, cancel: true },
    { id: attachment },
    { peer: victim },
    {},
  ],
  attach: () => [
    { name: "../../etc/passwd", size: 3, data: "eHh4" },
    { name: "x", size: 3, data: "eHh4eHh4" },
    { upload: "guessed", data: "eHh4" },
    { data: "eHh4" },
  ],
  attachment: ({ attachment }) => [{ id: attachment }, { id: attachment, offset: 1 }],
  schedule: ({ victimName }) => [
    { peer: "nobody", text: "mine", when: "30m" },
    { peer: "outsider", text: "out of my circle", when: "30m" },
    { peer: "self", text: "mine", when: "outsider idle" },
    { peer: "self", text: "mine", when: `${victimName} never` },
    { peer: "self", text: "mine", when: "30m", from: victimName },
  ],
  schedules: () => [{}, { peer: "victim" }],
  unschedule: ({ schedule }) => [{ id: schedule }],
  spawn: ({ victimName }) => [{ path: "/work/victim", runtime: "codex", name: victimName }],
  kill: ({ victim, victimName }) => [{ peer: victimName }, { peer: victim }, { peer: victimName, restart: true }],
  restart: ({ victim, victimName }) => [
    { peer: victimName },
    { peer: victim, fresh: true },
    { peer: victimName, ended_only: true },
  ],
  worktrees: () => [{}, { path: "/work/victim" }],
  remove_worktree: ({ victimName }) => [{ worktree: victimName }, { worktree: "/work/victim", force: true }],
  trust_repository: () => [{ path: "/work/victim", hash: "0".repeat(64) }],
  pane: ({ victimName }) => [{ peer: victimName }],
  move: ({ victimName }) => [{ peer: victimName, circle: "mine" }],
  login_link: () => [{}],
  spawn_options: () => [{}],
  set_role: ({ victimName, victim }) => [
    { peer: "mallory", role: "orchestrator" },
    { peer: victimName, role: "orchestrator" },
    { peer: victim, role: "agent" },
  ],
  rename: ({ victimName }) => [{ peer: victimName, name: "robbed" }],
  set_inbound: ({ victimName }) => [{ peer: victimName, policy: "refuse" }],
  circle_inbound: () => [{ circle: "default", policy: "refuse" }],
  quiet: ({ victimName }) => [{ peer: victimName, seconds: 600 }],
  held: () => [{}],
  decide_held: ({ handle }) => [
    { id: handle, verdict: "release" },
    { id: handle, verdict: "refuse", reason: "mine" },
  ],
  mismatches: () => [{}],
  pauses: () => [{}],
  resume: ({ victimName, handle, message }) => [{ what: victimName }, { what: handle }, { what: message }],
  approvals: () => [{}, { all: true }],
  decide: ({ handle }) => [{ id: handle, verdict: "allow" }],
  trace: ({ handle, message }) => [{ id: handle }, { id: message }, { id: "last" }],
  events: () => [{}, { after: 0 }],
  search: ({ victimName, message, handle }) => [
    { words: SECRET },
    { words: `"${SECRET}"` },
    { words: "answer", peer: victimName },
    { words: "two", thread: message },
    { words: "two", thread: handle },
    { words: "b", relevance: true },
    { words: SECRET, from: victimName },
  ],
  history: ({ victimName, message, handle }) => [
    {},
    { peer: victimName },
    { peer: victimName, with: "friend" },
    { thread: message },
    { thread: handle },
    { kind: "answer" },
    { from: victimName },
  ],
  night: () => [{ since: 0 }, { since: 0, until: 9_999_999_999_999 }],
  export: ({ handle, message }) => [{}, { thread: handle }, { thread: message }, { bodies: false }],
  discover: () => [{}],
  probe: ({ victimName }) => [{}, { peer: victimName }],
  try_notifier: () => [{}],
  turns: ({ victim, victimName }) => [{ peer: victimName }, { peer: victim, limit: 50 }],
  examine: () => [{}],
  samples: () => [{}],
  daemon_log: () => [{}, { cursor: "0:0" }],
  purge: () => [{ days: 0 }, {}],
};

let mesh: MeshHarness;
let foreign: Foreign;
let mallory: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  const victim = await mesh.join("victim");
  const friend = await mesh.join("friend");
  await mesh.join("outsider", { circle: "other" });
  mallory = await mesh.join("mallory");
  await mesh.openPush(friend);
  // One question that was answered, and one that is open.
  const first = await mesh.call(victim, "ask", { peer: "friend", question: `${SECRET} 1`, wait_seconds: 0 });
  await mesh.present(friend);
  await mesh.call(friend, "reply", { id: first.id, text: `${SECRET} answer` });
  const answer = mesh.read(({ tx }) => tx.asks.get(first.message)?.answer ?? "");
  const open = await mesh.call(victim, "ask", { peer: "friend", question: `${SECRET} 2`, wait_seconds: 0 });
  await mesh.present(friend);
  const later = await mesh.call(victim, "schedule", { peer: "self", text: `${SECRET} later`, when: "3h" });
  const file = { name: `${SECRET}.txt`, size: SECRET.length, data: btoa(SECRET) };
  const { attachment } = await mesh.call(victim, "attach", file);
  const sending = mesh.call(victim, "notify", { peer: "friend", text: "a file", attachments: [attachment?.id ?? ""] });
  await mesh.quiet();
  await mesh.present(friend);
  await sending;
  foreign = {
    attachment: attachment?.id ?? "",
    schedule: later.schedule.id,
    handle: open.id,
    message: open.message,
    answerHandle: mesh.delivery(answer, victim).handle,
    victim,
    victimName: "victim",
  };
});

/** What belongs to the others: their asks, their mail, their seats. */
function theirs() {
  return mesh.read(({ tx }) => ({
    schedules: tx.shelves.schedule.all().filter((record) => record.from !== mallory),
    attachments: tx.shelves.attachment.all().filter(({ owner }) => owner !== mallory),
    asks: [...tx.asks.openFrom(foreign.victim), tx.asks.get(foreign.message)],
    mail: tx.deliveries.ofMessage(foreign.message),
    inbox: tx.deliveries.inStates(foreign.victim, ["queued", "leased", "presented", "held"]).filter(
      // Its own messages to them are mallory's right.
      (delivery) => delivery.from !== mallory,
    ),
    seats: tx.peers
      .all()
      .filter((peer) => peer.id !== mallory)
      .map(({ id, name, circle, inbound_policy, description }) => ({
        id,
        name,
        circle,
        inbound_policy,
        description,
      })),
  }));
}

// @attack others-things
describe.each([...OPERATION_NAMES])("%s", (name) => {
  test("gives an agent nothing of a conversation that is not its own, and changes nothing in it", async () => {
    const before = structuredClone(theirs());
    for (const input of PROBES[name](foreign)) {
      const told = await mesh.operations.call(name, input, mesh.caller(mallory)).then(
        (output) => JSON.stringify(output),
        (error: Error) => error.message,
      );
      expect(told).not.toContain(SECRET);
      await mesh.quiet();
      expect(theirs()).toEqual(before);
    }
    const seen = mesh.read(({ tx }) => tx.deliveries.inStates(mallory, ["queued", "leased", "presented", "held"]));
    expect(seen.map((delivery) => delivery.message)).not.toContain(foreign.message);
  });

  const { callers } = OPERATIONS[name];
  const isHuman = "human" in OPERATIONS[name];
  if (!isHuman && (callers as readonly string[]).includes("agent")) return;

  // @attack role-claims
  test("is refused to an agent, whatever its input says about it", async () => {
    for (const input of PROBES[name](foreign)) {
      const claims = { ...(input as object), role: "human", human: true, is_human: true, caller: { role: "human" } };
      for (const tried of [input, claims]) {
        const call = mesh.operations.call(name, tried, mesh.caller(mallory));
        await expect(call).rejects.toMatchObject({ code: isHuman ? "human_required" : "forbidden" });
      }
    }
  });
});

test("an agent that is called orchestrator, or has a person's name, has no more rights by it", async () => {
  for (const name of ["orchestrator", "human", "root"]) {
    const posing = await mesh.join(name);
    await expect(
      mesh.operations.call("decide", { id: foreign.handle, verdict: "allow" }, mesh.caller(posing)),
    ).rejects.toMatchObject({
      code: "human_required",
    });
    await expect(mesh.operations.call("events", {}, mesh.caller(posing))).rejects.toMatchObject({ code: "forbidden" });
  }
});
