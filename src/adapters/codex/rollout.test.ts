import { describe, expect, test } from "bun:test";
import { hookFrames, isInTool, limitUntil } from "./rollout.ts";

const line = (type: string, payload: object) => JSON.stringify({ timestamp: "t", ordinal: 1, type, payload });
const count = (primary: number, secondary: number) =>
  line("event_msg", {
    type: "token_count",
    rate_limits: {
      primary: { used_percent: primary, window_minutes: 300, resets_at: 1_000 },
      secondary: { used_percent: secondary, window_minutes: 10_080, resets_at: 9_000 },
    },
  });

describe("the reset of a usage limit", () => {
  test("is that of the window that is full, in milliseconds", () => {
    expect(limitUntil([count(100, 40), "half a li"].join("\n"))).toBe(1_000_000);
    expect(limitUntil(count(100, 100))).toBe(9_000_000);
  });

  test("is not known where no window is full, or nothing is said", () => {
    expect(limitUntil([count(100, 0), count(3, 4)].join("\n"))).toBeUndefined();
    expect(limitUntil(line("event_msg", { type: "token_count", rate_limits: null }))).toBeUndefined();
    expect(limitUntil("")).toBeUndefined();
  });
});

describe("frames that hooks carried", () => {
  const frame =
    '<channel source="repowire" kind="notify" id="k7q2x" from="web" role="agent" do="no reply">\nx\n</channel>';
  const message = (role: string, text: string) =>
    line("response_item", { type: "message", role, content: [{ type: "input_text", text }] });

  test("stand in a developer message, and are seen once the model has said something", () => {
    const entered = message("developer", frame);
    expect(hookFrames(entered)).toEqual([{ handle: "k7q2x", isSeen: false }]);
    expect(hookFrames([entered, message("assistant", "ok")].join("\n"))).toEqual([{ handle: "k7q2x", isSeen: true }]);
  });

  test("a copy that somebody typed proves nothing", () => {
    expect(hookFrames([message("user", frame), message("assistant", frame)].join("\n"))).toEqual([]);
  });
});

describe("a running tool", () => {
  const call = (id: string) => line("response_item", { type: "function_call", name: "exec_command", call_id: id });
  const output = (id: string) => line("response_item", { type: "function_call_output", call_id: id, output: "x" });

  test("is one whose result is not there yet", () => {
    expect(isInTool([call("a"), output("a"), call("b")].join("\n"))).toBe(true);
    expect(isInTool([call("a"), call("b"), output("a")].join("\n"))).toBe(true);
    expect(isInTool([call("a"), output("a")].join("\n"))).toBe(false);
  });

  test("one of a turn that was cut off does not run any more", () => {
    expect(isInTool([call("a"), line("event_msg", { type: "task_started", turn_id: "t" })].join("\n"))).toBe(false);
  });
});
