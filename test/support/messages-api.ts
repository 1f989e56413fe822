import {
  eventStream,
  type Model,
  type ModelServer,
  type ModelTurn,
  piecesOf,
  type Reply,
  rawStep,
  type Step,
  type ToolNames,
} from "./model-script.ts";

/**
 * A scripted stand-in for the model behind an agent CLI: the streaming Messages API on loopback. A scene gives it a function that
 * plays the model; nothing leaves the machine, and no key is real.
 */

const CLAUDE_TOOL_NAMES: ToolNames = {
  ours: (tool) => `mcp__repowire__${tool}`,
  shell: (command) => ({ call: "Bash", input: { command, description: "scripted" } }),
};

interface Block {
  type?: string;
  text?: string;
  content?: unknown;
}
interface Body {
  messages?: { role: string; content: unknown }[];
  tools?: unknown[];
  stream?: boolean;
  model?: string;
}

const blocksOf = (content: unknown): Block[] =>
  typeof content === "string" ? [{ type: "text", text: content }] : Array.isArray(content) ? (content as Block[]) : [];
const textOf = (content: unknown): string =>
  blocksOf(content)
    .map((block) => block.text ?? "")
    .join("\n");

/** The messages after the model's last one, whatever their role: a busy push comes in the role `system`. */
function newSince(body: Body): Pick<ModelTurn, "text" | "toolResults"> {
  const messages = body.messages ?? [];
  const from = messages.findLastIndex((message) => message.role === "assistant") + 1;
  const toolResults: string[] = [];
  const parts: string[] = [];
  for (const message of messages.slice(from)) {
    for (const block of blocksOf(message.content)) {
      const text = block.type === "tool_result" ? textOf(block.content) : (block.text ?? "");
      if (block.type === "tool_result") toolResults.push(text);
      parts.push(text);
    }
  }
  return { text: parts.join("\n"), toolResults };
}

function toMessage(body: Body, steps: Step[], tools: ToolNames) {
  const content = steps
    .map((given) => rawStep(given, tools))
    .map((step) =>
      "say" in step
        ? { type: "text", text: step.say }
        : {
            type: "tool_use",
            id: `toolu_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`,
            name: step.call,
            input: step.input,
          },
    );
  return {
    id: `msg_${crypto.randomUUID().slice(0, 12)}`,
    type: "message",
    role: "assistant",
    model: body.model ?? "scripted",
    content,
    stop_reason: steps.some((step) => "call" in step) ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  };
}

/** The text in so many pieces, when it is streamed over a time. */
const PIECES = 20;

function streamed(message: ReturnType<typeof toMessage>, overMs = 0): Response {
  const events: [string, object][] = [["message_start", { message: { ...message, content: [], stop_reason: null } }]];
  for (const [index, block] of message.content.entries()) {
    if (block.type === "text") {
      events.push(["content_block_start", { index, content_block: { type: "text", text: "" } }]);
      for (const text of piecesOf("text" in block ? (block.text ?? "") : "", overMs > 0 ? PIECES : 1))
        events.push(["content_block_delta", { index, delta: { type: "text_delta", text } }]);
    } else if ("input" in block) {
      events.push([
        "content_block_start",
        { index, content_block: { type: "tool_use", id: block.id, name: block.name, input: {} } },
      ]);
      events.push([
        "content_block_delta",
        { index, delta: { type: "input_json_delta", partial_json: JSON.stringify(block.input) } },
      ]);
    }
    events.push(["content_block_stop", { index }]);
  }
  events.push(
    ["message_delta", { delta: { stop_reason: message.stop_reason, stop_sequence: null }, usage: message.usage }],
    ["message_stop", {}],
  );
  return eventStream(
    events.map(([type, data]) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`),
    overMs,
  );
}

export function startMessagesApi(first: Model, tools: ToolNames = CLAUDE_TOOL_NAMES): ModelServer {
  let model = first;
  const turns: ModelTurn[] = [];

  async function answer(body: Body): Promise<Response> {
    // Titles and classifiers come without tools; they are no turns of the session.
    const isMain = (body.tools?.length ?? 0) > 0;
    if (!isMain) return respond(body, { steps: [{ say: "{}" }] });
    const turn: ModelTurn = { ...newSince(body), index: turns.length };
    turns.push(turn);
    const given = await model(turn);
    return respond(body, Array.isArray(given) ? { steps: given } : given);
  }

  async function respond(body: Body, reply: Reply): Promise<Response> {
    if (reply.delayMs) await Bun.sleep(reply.delayMs);
    if (reply.error) {
      const { status, type, message, headers } = reply.error;
      return Response.json({ type: "error", error: { type, message } }, { status, headers });
    }
    const message = toMessage(body, reply.steps, tools);
    return body.stream ? streamed(message, reply.streamMs) : Response.json(message);
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (request.method === "POST" && pathname === "/v1/messages") return answer((await request.json()) as Body);
      if (pathname === "/v1/messages/count_tokens") return Response.json({ input_tokens: 10 });
      if (pathname === "/v1/models") return Response.json({ data: [], has_more: false, first_id: null, last_id: null });
      return Response.json(
        { type: "error", error: { type: "not_found_error", message: "not scripted" } },
        { status: 404 },
      );
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    turns,
    setModel(next) {
      model = next;
    },
    stop: () => server.stop(true),
  };
}
