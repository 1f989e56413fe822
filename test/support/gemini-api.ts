import {
  type Model,
  type ModelServer,
  type ModelTurn,
  type Reply,
  rawStep,
  type Step,
  type ToolNames,
} from "./model-script.ts";

/**
 * A scripted stand-in for the model behind the Gemini CLI: the streaming content API on loopback (0.61.0). Answers stream in pieces, as
 * the real one's do. What else the CLI asks of a model (routing, next speaker) wants JSON and gets the smallest object that fits.
 */

const GEMINI_TOOL_NAMES: ToolNames = {
  ours: (tool) => `mcp_repowire_${tool}`,
  shell: (command) => ({ call: "run_shell_command", input: { command, description: "scripted" } }),
};

interface Part {
  text?: string;
  functionResponse?: { response?: unknown };
}
interface Body {
  contents?: { role?: string; parts?: Part[] }[];
  tools?: unknown[];
  generationConfig?: { responseSchema?: Schema; responseJsonSchema?: Schema; responseMimeType?: string };
}
interface Schema {
  type?: string;
  enum?: unknown[];
  properties?: Record<string, Schema>;
}

/** The parts after the model's last ones. The CLI's own description of the session comes with every request and is not new. */
function newSince(body: Body): Pick<ModelTurn, "text" | "toolResults"> {
  const contents = body.contents ?? [];
  const from = contents.findLastIndex((content) => content.role === "model") + 1;
  const parts = contents
    .slice(from)
    .flatMap((content) => content.parts ?? [])
    .filter((part) => !part.text?.startsWith("<session_context>"));
  const toolResults = parts.flatMap((part) =>
    part.functionResponse ? [resultText(part.functionResponse.response)] : [],
  );
  const texts = parts.map((part) =>
    part.functionResponse ? resultText(part.functionResponse.response) : (part.text ?? ""),
  );
  return { text: texts.join("\n"), toolResults };
}

/** A tool's text stands in `output`, wrapped as untrusted where it came from an MCP server. */
function resultText(response: unknown): string {
  const output = typeof response === "object" && response && "output" in response ? response.output : undefined;
  const text = typeof output === "string" ? output : JSON.stringify(response);
  return text.replace(/^<untrusted_context>\s*/, "").replace(/\s*<\/untrusted_context>$/, "");
}

/** The smallest value that fits a response's schema. */
function fit(schema: Schema | undefined, name = ""): unknown {
  if (schema?.enum) return schema.enum[0];
  switch (String(schema?.type ?? "").toLowerCase()) {
    case "object":
      return Object.fromEntries(Object.entries(schema?.properties ?? {}).map(([key, value]) => [key, fit(value, key)]));
    case "array":
      return [];
    case "number":
    case "integer":
      return 1;
    case "boolean":
      return false;
    default:
      return name === "next_speaker" ? "user" : name === "model_choice" ? "flash" : "scripted";
  }
}

const chunk = (parts: unknown[], isLast = false) => ({
  candidates: [{ index: 0, content: { role: "model", parts }, ...(isLast ? { finishReason: "STOP" } : {}) }],
  modelVersion: "scripted",
  responseId: "scripted",
  ...(isLast ? { usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 10, totalTokenCount: 20 } } : {}),
});

export function startGeminiApi(first: Model): ModelServer {
  let model = first;
  let calls = 0;
  const turns: ModelTurn[] = [];

  async function answer(body: Body, isStream: boolean): Promise<Response> {
    const config = body.generationConfig ?? {};
    const schema = config.responseSchema ?? config.responseJsonSchema;
    const isMain = isStream && (body.tools?.length ?? 0) > 0 && !schema;
    if (!isMain) {
      const text = JSON.stringify(fit(schema ?? { type: "object" }));
      return isStream ? stream({ steps: [{ say: text }] }) : Response.json(chunk([{ text }], true));
    }
    const turn: ModelTurn = { ...newSince(body), index: turns.length };
    turns.push(turn);
    const given = await model(turn);
    const reply: Reply = Array.isArray(given) ? { steps: given } : given;
    if (reply.delayMs) await Bun.sleep(reply.delayMs);
    if (!reply.error) return stream(reply);
    const { status, type, message, headers } = reply.error;
    // `message` may be a whole body, where what the CLI reads of an error is in its details.
    const error = message.startsWith("{") ? JSON.parse(message) : { error: { code: status, message, status: type } };
    return Response.json(error, { status, headers });
  }

  function partsOf(steps: Step[]): unknown[] {
    return steps
      .map((step) => rawStep(step, GEMINI_TOOL_NAMES))
      .flatMap((step): unknown[] =>
        "say" in step
          ? (step.say.match(/\S+\s*|\s+/g) ?? []).map((text) => ({ text }))
          : [{ functionCall: { id: `call_${++calls}`, name: step.call, args: step.input } }],
      );
  }

  function stream(reply: Reply): Response {
    const parts = partsOf(reply.steps);
    const pause = (reply.streamMs ?? 0) / Math.max(1, parts.length);
    const encoder = new TextEncoder();
    let isCut = false;
    const lines = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (const data of [...parts.map((part) => chunk([part])), chunk([], true)]) {
          if (isCut) return;
          controller.enqueue(encoder.encode(`data: ${JSON.stringify(data)}\r\n\r\n`));
          if (pause > 0) await Bun.sleep(pause);
        }
        if (!isCut) controller.close();
      },
      cancel() {
        isCut = true;
      },
    });
    return new Response(lines, { headers: { "content-type": "text/event-stream" } });
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const verb = new URL(request.url).pathname.match(/\/models\/[^:]+:(\w+)$/)?.[1];
      if (verb === "countTokens") return Response.json({ totalTokens: 10 });
      if (verb === "generateContent" || verb === "streamGenerateContent")
        return answer((await request.json()) as Body, verb === "streamGenerateContent");
      return Response.json({ error: { code: 404, message: "not scripted", status: "NOT_FOUND" } }, { status: 404 });
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
