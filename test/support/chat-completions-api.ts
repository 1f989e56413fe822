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
 * A scripted stand-in for the model behind an agent CLI: OpenAI-compatible chat completions on loopback. Nothing leaves the machine,
 * and no key is real.
 */

interface Message {
  role: string;
  content?: unknown;
}
interface Body {
  model?: string;
  messages?: Message[];
  tools?: unknown[];
  stream?: boolean;
}

export interface ChatServer extends ModelServer {
  /** Every main-loop request as it came: agent and rights show in the tools and the system text. */
  requests: { system: string; tools: string[]; schemas: unknown[] }[];
}

const textOf = (content: unknown): string => {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: { text?: string }) => part.text ?? "").join("\n");
};

/** The messages after the model's last one; the system text stands in front of all. */
function newSince(messages: readonly Message[]): Pick<ModelTurn, "text" | "toolResults"> {
  const from = messages.findLastIndex((message) => message.role === "assistant") + 1;
  const fresh = messages.slice(from).filter((message) => message.role !== "system");
  const toolResults = fresh.filter((message) => message.role === "tool").map((message) => textOf(message.content));
  return { text: fresh.map((message) => textOf(message.content)).join("\n"), toolResults };
}

const PIECES = 20;

function streamed(body: Body, steps: Step[], tools: ToolNames, overMs: number): Response {
  const id = `chatcmpl-${crypto.randomUUID().slice(0, 12)}`;
  const base = { id, object: "chat.completion.chunk", created: Math.floor(Date.now() / 1_000), model: body.model };
  const choice = (delta: object, finish: string | null = null) => ({
    ...base,
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const chunks: object[] = [choice({ role: "assistant", content: "" })];
  let calls = 0;
  for (const step of steps.map((given) => rawStep(given, tools))) {
    if ("say" in step) {
      for (const content of piecesOf(step.say, overMs > 0 ? PIECES : 1)) chunks.push(choice({ content }));
      continue;
    }
    const call = { name: step.call, arguments: JSON.stringify(step.input) };
    const callId = `call_${crypto.randomUUID().slice(0, 12)}`;
    chunks.push(choice({ tool_calls: [{ index: calls++, id: callId, type: "function", function: call }] }));
  }
  chunks.push(choice({}, calls > 0 ? "tool_calls" : "stop"));
  chunks.push({ ...base, choices: [], usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 } });
  const lines = [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"];
  return eventStream(
    lines.map((line) => `data: ${line}\n\n`),
    overMs,
  );
}

function whole(body: Body, steps: Step[]): Response {
  const content = steps.map((step) => ("say" in step ? step.say : "")).join("");
  return Response.json({
    id: "chatcmpl-whole",
    object: "chat.completion",
    model: body.model,
    choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content } }],
    usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 },
  });
}

export function startChatCompletionsApi(first: Model, tools: ToolNames): ChatServer {
  let model = first;
  const turns: ModelTurn[] = [];
  const requests: ChatServer["requests"] = [];

  async function answer(body: Body): Promise<Response> {
    const messages = body.messages ?? [];
    // Titles and summaries come without tools; they are no turns of the session.
    if ((body.tools?.length ?? 0) === 0) return respond(body, { steps: [{ say: "A title" }] });
    requests.push({
      system: messages
        .filter((message) => message.role === "system")
        .map((message) => textOf(message.content))
        .join("\n"),
      tools: (body.tools ?? []).map((tool) => (tool as { function?: { name?: string } }).function?.name ?? ""),
      schemas: body.tools ?? [],
    });
    const turn: ModelTurn = { ...newSince(messages), index: turns.length };
    turns.push(turn);
    const given = await model(turn);
    return respond(body, Array.isArray(given) ? { steps: given } : given);
  }

  async function respond(body: Body, reply: Reply): Promise<Response> {
    if (reply.delayMs) await Bun.sleep(reply.delayMs);
    if (reply.error) {
      const { status, type, message, headers } = reply.error;
      return Response.json({ error: { message, type, code: String(status) } }, { status, headers });
    }
    return body.stream ? streamed(body, reply.steps, tools, reply.streamMs ?? 0) : whole(body, reply.steps);
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (request.method === "POST" && pathname.endsWith("/chat/completions"))
        return answer((await request.json()) as Body);
      if (pathname.endsWith("/models")) return Response.json({ object: "list", data: [] });
      return Response.json({ error: { message: "not scripted", type: "not_found" } }, { status: 404 });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/v1`,
    turns,
    requests,
    setModel(next) {
      model = next;
    },
    stop: () => server.stop(true),
  };
}
