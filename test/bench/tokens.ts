import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { listTools } from "../../src/mcp/index.ts";
import { channelFrame } from "../../src/words/index.ts";
import { atMost, type Result, result } from "./stats.ts";

/**
 * What every session pays. Counted with a public tokenizer (o200k) as an estimate: the models' own counts differ by some per cent.
 * The baseline is the aim.
 */
export function tokenResults(): Result[] {
  const tools = listTools().map(({ name, description, inputSchema }) => ({
    name: `mcp__repowire__${name}`,
    description,
    input_schema: inputSchema,
  }));
  const frame = channelFrame({
    message: "msg_01900000-0000-7000-8000-000000000000",
    handle: "k7q2x",
    kind: "ask",
    from: {
      id: "peer_01900000-0000-7000-8000-000000000000",
      name: "frontend",
      circle: "default",
      role: "agent",
      runtime: "claude-code",
    },
    body: "What does GET /users return?",
    body_bytes: 28,
    shown_bytes: 28,
    urgency: "normal",
    attempt: 1,
    cursor: 1,
    created_at: 0,
  });
  return [
    result("tool_tokens", encode(JSON.stringify(tools)).length, "tokens", 1_500, {
      against: "the aim",
      aim: atMost(1),
    }),
    result("ask_frame_tokens", encode(frame).length, "tokens", 60, { against: "the aim", aim: atMost(1) }),
  ];
}
