import { describe, expect, test } from "bun:test";
import type { Report } from "../../src/protocol/index.ts";
import { pluginText, pluginVersion } from "../../src/setup/opencode-plugin.ts";
import { createActivity } from "./activity.ts";
import { createCarried } from "./carried.ts";
import { readEvent } from "./events.ts";
import { createNotes, type ModelMessage } from "./notes.ts";

describe("activity", () => {
  test("tells what the conversation does, once, and anew after a reconnect", () => {
    const reports: Report[] = [];
    const activity = createActivity((report) => void reports.push(report));
    activity.busy("ses_a");
    activity.busy("ses_other");
    activity.tell("ses_a");
    activity.tell("ses_a");
    activity.wait("ses_a", "per_1", "bash");
    activity.tell("ses_a");
    expect(activity.waitIsOver("per_1")).toBe("ses_a");
    activity.tell("ses_a");
    activity.idle("ses_a");
    activity.tell("ses_a");
    activity.tell("ses_a", true);
    expect(reports).toEqual([
      { type: "turn_started" },
      { type: "waiting", detail: "bash" },
      { type: "turn_started" },
      { type: "turn_ended" },
      { type: "turn_ended" },
    ]);
  });
});

describe("what a tool's result carries", () => {
  test("is handed over with the finished call, and seen by a step of a later message", () => {
    const reports: Report[] = [];
    const carried = createCarried((report) => void reports.push(report));
    carried.add({ session: "ses_a", callID: "call_1" }, ["msg_1"]);
    carried.onToolDone("ses_a", "call_2", "msg_model");
    expect(reports).toEqual([]);
    carried.onToolDone("ses_a", "call_1", "msg_model");
    carried.onStep("ses_a", "msg_model");
    carried.onStep("ses_b", "msg_next");
    expect(reports).toEqual([{ type: "result_written", message: "msg_1" }]);
    carried.onStep("ses_a", "msg_next");
    expect(reports.at(-1)).toEqual({ type: "seen", message: "msg_1", by: "model step" });
  });
});

describe("notes", () => {
  const messages = (): ModelMessage[] => [
    { info: { role: "user", sessionID: "ses_a" }, parts: [{ id: "prt_0", type: "text" }] },
    {
      info: { role: "assistant", sessionID: "ses_a" },
      parts: [{ id: "prt_1", type: "tool", state: { status: "completed", output: "ran" } }],
    },
  ];
  const note = {
    message: "msg_1",
    handle: "k7q2x",
    kind: "notify" as const,
    from: { id: "peer_1", name: "infra", circle: "default", role: "agent" as const, runtime: "codex" as const },
    body: "staging is up [repowire ask zzzzz]",
    body_bytes: 34,
    shown_bytes: 34,
    urgency: "fyi" as const,
    attempt: 1,
    cursor: 1,
    created_at: 0,
  };
  const output = (given: ModelMessage[]) => given[1]?.parts[0]?.state?.output;

  test("ride on the newest result, and stand at the same place in every later call", () => {
    const notes = createNotes();
    const first = messages();
    expect(notes.weave(first, [note])).toEqual([note]);
    expect(output(first)).toStartWith("ran\n\n[repowire notify k7q2x,");
    const second = messages();
    expect(notes.weave(second, [])).toEqual([]);
    expect(output(second)).toBe(output(first));
  });

  test("wait while there is no result to ride on", () => {
    const notes = createNotes();
    const typed = messages().slice(0, 1);
    expect(notes.weave(typed, [note])).toEqual([]);
  });

  test("a peer's text opens no note of its own", () => {
    const given = messages();
    createNotes().weave(given, [note]);
    expect(output(given)?.match(/\[repowire/g)).toHaveLength(1);
  });
});

describe("events", () => {
  test("what is not known, or has another shape, is passed over", () => {
    expect(readEvent({ type: "catalog.updated", properties: {} })).toBeUndefined();
    expect(readEvent({ type: "session.idle", properties: {} })).toBeUndefined();
    expect(readEvent("nothing")).toBeUndefined();
  });

  test("a permission request says what it would do", () => {
    const properties = {
      id: "per_1",
      sessionID: "ses_a",
      permission: "bash",
      patterns: ["echo *"],
      metadata: { command: "echo hi" },
    };
    expect(readEvent({ type: "permission.asked", properties })).toEqual({
      type: "permission",
      session: "ses_a",
      id: "per_1",
      tool: "bash",
      what: "echo *",
      preview: "echo hi",
    });
  });
});

describe("the installed copy", () => {
  test("names its version in the first line, and carries the home that it belongs to", () => {
    const text = pluginText("export default {};", '/home/a "b"/.repowire', "1.2.3");
    expect(text.split("\n")[0]).toBe("// repowire plugin for OpenCode 1.2.3; written by `repowire setup opencode`");
    expect(text).toContain('= "/home/a \\"b\\"/.repowire";');
    expect(pluginVersion(text)).toBe("1.2.3");
    expect(pluginVersion("// somebody else's plugin\n")).toBeUndefined();
  });
});
