import { describe, expect, test } from "bun:test";
import { isPeer, startedAs } from "./process-kind.ts";

const words = (line: string) => ["opencode", ...line.split(" ").filter(Boolean)];

describe("what an OpenCode process is", () => {
  const kinds: [string, ReturnType<typeof startedAs>["kind"]][] = [
    ["", "tui"],
    ["/work/backend", "tui"],
    ["--port 4100", "tui"],
    ["--model lab/one --agent plan .", "tui"],
    ["--prompt models", "tui"],
    ["run hello", "run"],
    ["--log-level DEBUG run hello", "run"],
    ["serve --port 0", "serve"],
    ["web", "serve"],
    ["models", "side"],
    ["--print-logs session list", "side"],
    ["debug config", "side"],
    ["attach http://127.0.0.1:4096", "side"],
  ];
  test.each(kinds)("`opencode %s` is %s", (line, kind) => {
    expect(startedAs(words(line), false).kind).toBe(kind);
  });

  test("a TUI's worker is a TUI whatever its words are", () => {
    expect(startedAs(words("serve"), true).kind).toBe("tui");
  });

  test.each(["--continue", "-c", "--session ses_1", "-s ses_1", "--session=ses_1"])("`%s` resumes", (line) => {
    expect(startedAs(words(line), true).isResumed).toBe(true);
  });

  test("names the agent and model of its command line", () => {
    expect(startedAs(words("--agent plan -m lab/two"), true)).toMatchObject({
      agent: "plan",
      model: "lab/two",
      isResumed: false,
    });
  });

  test("only TUIs and servers are peers by themselves; a run if its user says so; nothing if the user says no", () => {
    expect([isPeer("tui", {}), isPeer("serve", {}), isPeer("run", {}), isPeer("side", {})]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(isPeer("run", { REPOWIRE_PEER: "1" })).toBe(true);
    expect(isPeer("side", { REPOWIRE_PEER: "1" })).toBe(false);
    expect(isPeer("tui", { REPOWIRE_PEER: "0" })).toBe(false);
  });
});
