import { beforeEach, describe, expect, test } from "bun:test";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { OPERATION_NAMES, OPERATIONS, type OperationName, type PeerId, Role } from "../protocol/index.ts";

let mesh: MeshHarness;
let frontend: PeerId;

beforeEach(async () => {
  mesh = createMesh();
  frontend = await mesh.join("frontend");
  await mesh.join("backend");
});

const call = (name: OperationName, input: unknown, change: Parameters<MeshHarness["caller"]>[1] = {}) =>
  mesh.operations.call(name, input, mesh.caller(frontend, change));
const refusal = (name: OperationName, input: unknown, change: Parameters<MeshHarness["caller"]>[1] = {}) =>
  call(name, input, change).then(
    () => undefined,
    (error) => error.code as string,
  );

describe("who may call what", () => {
  const rows = OPERATION_NAMES.flatMap((name) => Role.options.map((role) => [name, role] as const));

  test.each(rows)("%s by the role %s is as the table says", async (name, role) => {
    const { callers } = OPERATIONS[name];
    const mayCall = (callers as readonly Role[]).includes(role);
    const refused = await refusal(name, { nonsense: true }, { role, isHuman: role === "human" });
    // Whoever may call gets as far as having the input refused.
    expect(refused).toBe(mayCall ? "invalid_input" : "human" in OPERATIONS[name] ? "human_required" : "forbidden");
  });

  const forPeople = OPERATION_NAMES.filter((name) => "human" in OPERATIONS[name]);
  // @req identity.role-from-credential
  test.each(forPeople)("%s needs a person's own credential, not only the role", async (name) => {
    expect(await refusal(name, {}, { role: "human", isHuman: false })).toBe("human_required");
  });

  test("what only people may do is exactly this", () => {
    expect(forPeople.sort()).toEqual([
      "circle_inbound",
      "daemon_log",
      "decide",
      "decide_held",
      "examine",
      "export",
      "held",
      "login_link",
      "move",
      "night",
      "pane",
      "purge",
      "quiet",
      "rename",
      "resume",
      "set_inbound",
      "set_role",
      "spawn_options",
      "trust_repository",
      "try_notifier",
      "turns",
    ]);
  });

  test("a credential whose seat was removed is told so", async () => {
    const caller = mesh.caller(frontend);
    await mesh.decide(({ tx }) => tx.peers.remove(frontend));
    await expect(mesh.operations.call("whoami", {}, caller)).rejects.toMatchObject({ code: "not_a_peer" });
  });
});

describe("what is asked for is checked", () => {
  test.each([
    ["ask", { peer: "backend" }, '"question"'],
    ["ask", { peer: "backend", question: "  " }, "must not be empty"],
    ["ask", { peer: "backend", question: "v?", from: "boss" }, 'does not know "from"'],
    ["ask", { peer: "backend", question: "v?", urgency: "now" }, '"urgency"'],
    ["ask", { peer: "backend", question: "v?", wait_seconds: -1 }, '"wait_seconds"'],
    ["ask", { peer: "backend", question: "v?", message: "msg_1" }, '"message"'],
    ["reply", { id: "i1l0o", text: "v2" }, "copied exactly"],
    ["describe", { text: "x".repeat(201) }, '"text"'],
    ["events", { limit: 1_001 }, '"limit"'],
  ] as const)("%s with %j is refused with %s", async (name, input, words) => {
    const role = name === "events" ? ({ role: "service" } as const) : {};
    await expect(call(name, input, role)).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringContaining(words),
    });
  });

  test("nothing at all is taken as no wishes", async () => {
    expect(await call("whoami", undefined)).toMatchObject({ peer: { name: "frontend" } });
  });

  test("an operation that does not exist is named", async () => {
    const name = "delete_everything" as OperationName; // what an unchecked edge might pass on
    await expect(call(name, {})).rejects.toMatchObject({
      code: "unknown_operation",
      message: expect.stringContaining("delete_everything"),
    });
  });

  test("a handle is forgiven quotes, a hash and capitals, and nothing else", async () => {
    const { id } = await mesh.call(frontend, "ask", { peer: "backend", question: "v?", wait_seconds: 0 });
    for (const written of [`#${id}`, `"${id}"`, ` ${id.toUpperCase()} `, `\`${id}\``])
      expect(await call("inbox", { id: written })).toMatchObject({ type: "ask", outcome: { id } });
    expect(await refusal("inbox", { id: `${id}x` })).toBe("invalid_input");
    expect(await refusal("inbox", { id: id.slice(0, 4) })).toBe("invalid_input");
  });

  test("what is refused leaves nothing behind", async () => {
    const last = mesh.read(({ tx }) => tx.events.last());
    await refusal("ask", { peer: "nobody", question: "v?" });
    await refusal("ask", { peer: "backend", question: "" });
    expect(mesh.read(({ tx }) => tx.events.last())).toBe(last);
    expect([mesh.waits.size, mesh.clock.pending]).toEqual([0, 0]);
  });
});
