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
 * A scripted stand-in for the model behind Codex: the streaming Responses API on loopback. Codex has one shared server for all its
 * terminals, and so one address for all its models: which script plays is decided by the folder that a request names.
 */
export interface ResponsesApi {
  url: string;
  /** The model of the sessions in this folder. `needsApproval`: its shell commands ask for leave to run outside the sandbox. */
  play(folder: string, model: Model, options: { needsApproval: boolean }): ModelServer;
  stop(): Promise<void>;
}

interface Item {
  type?: string;
  role?: string;
  content?: unknown;
  output?: unknown;
}
interface Body {
  input?: Item[];
  tools?: unknown[];
  model?: string;
}
interface Script {
  model: Model;
  turns: ModelTurn[];
  tools: ToolNames;
}

const NAMESPACE = "mcp__repowire";

function toolNames(needsApproval: boolean): ToolNames {
  const escalated = { sandbox_permissions: "require_escalated", justification: "scripted" };
  return {
    ours: (tool) => `${NAMESPACE}/${tool}`,
    shell: (command) => ({ call: "exec_command", input: { cmd: command, ...(needsApproval ? escalated : {}) } }),
  };
}

const textOf = (content: unknown): string =>
  typeof content === "string"
    ? content
    : Array.isArray(content)
      ? content.map((part: { text?: string }) => part.text ?? "").join("\n")
      : "";

const isFromModel = (item: Item): boolean =>
  item.role === "assistant" || (item.type?.endsWith("_call") ?? false) || item.type === "reasoning";

/** Everything after the model's last word. */
function newSince(input: Item[]): Pick<ModelTurn, "text" | "toolResults"> {
  const parts: string[] = [];
  const toolResults: string[] = [];
  for (const item of input.slice(input.findLastIndex(isFromModel) + 1)) {
    const isResult = item.type?.endsWith("_output") ?? false;
    const text = isResult ? textOf(item.output) : textOf(item.content);
    if (isResult) toolResults.push(text);
    // The list of skills, permissions and the environment are no words to the model.
    if (isResult || item.role === "user" || text.includes("repowire")) parts.push(text);
  }
  return { text: parts.join("\n"), toolResults };
}

const folderOf = (body: Body): string | undefined =>
  JSON.stringify(body.input ?? []).match(/<environment_context>\\n\s*<cwd>([^<]+)<\/cwd>/)?.[1];

let serial = 0;
const newId = (prefix: string) => `${prefix}_${String(++serial).padStart(6, "0")}`;

function toItem(step: { say: string } | { call: string; input: Record<string, unknown> }) {
  if ("say" in step)
    return {
      id: newId("msg"),
      type: "message",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text: step.say, annotations: [] }],
    };
  const [namespace, name] = step.call.includes("/") ? step.call.split("/") : [undefined, step.call];
  return {
    id: newId("fc"),
    type: "function_call",
    call_id: newId("call"),
    name,
    arguments: JSON.stringify(step.input),
    status: "completed",
    ...(namespace ? { namespace } : {}),
  };
}

/** The text in so many pieces, when it is streamed over a time. */
const PIECES = 20;

function streamed(body: Body, steps: Step[], tools: ToolNames, overMs = 0): Response {
  const output = steps.map((step) => toItem(rawStep(step, tools)));
  const response = { id: newId("resp"), object: "response", created_at: 0, model: body.model, status: "in_progress" };
  const events: Record<string, unknown>[] = [{ type: "response.created", response: { ...response, output: [] } }];
  for (const [index, item] of output.entries()) {
    const text = "content" in item ? item.content?.[0]?.text : undefined;
    const opened = text === undefined ? { ...item, arguments: "" } : { ...item, content: [] };
    events.push({
      type: "response.output_item.added",
      output_index: index,
      item: { ...opened, status: "in_progress" },
    });
    if (text !== undefined) {
      const at = { item_id: item.id, output_index: index, content_index: 0 };
      const part = { type: "output_text", text: "", annotations: [] };
      events.push({ type: "response.content_part.added", ...at, part });
      for (const delta of piecesOf(text, overMs > 0 ? PIECES : 1))
        events.push({ type: "response.output_text.delta", ...at, delta });
      events.push({ type: "response.output_text.done", ...at, text });
    }
    events.push({ type: "response.output_item.done", output_index: index, item });
  }
  const usage = {
    input_tokens: 10,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 10,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 20,
  };
  events.push({ type: "response.completed", response: { ...response, status: "completed", output, usage } });
  const frames = events.map(
    (event, sequence) => `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number: sequence })}\n\n`,
  );
  return eventStream(frames, overMs);
}

export function startResponsesApi(): ResponsesApi {
  const scripts = new Map<string, Script>();
  const nobody: Script = { model: () => [{ say: "ok" }], turns: [], tools: toolNames(false) };

  async function answer(body: Body): Promise<Response> {
    const script = scripts.get(folderOf(body) ?? "") ?? nobody;
    // The name of a new session is asked for without tools; that is no turn of it.
    if ((body.tools?.length ?? 0) === 0) return streamed(body, [{ say: '{"title":"Scripted"}' }], script.tools);
    const turn: ModelTurn = { ...newSince(body.input ?? []), index: script.turns.length };
    script.turns.push(turn);
    const given = await script.model(turn);
    const reply: Reply = Array.isArray(given) ? { steps: given } : given;
    if (reply.delayMs) await Bun.sleep(reply.delayMs);
    if (reply.error) {
      const { status, type, message, headers } = reply.error;
      return Response.json({ error: { type, message, ...resetOf(headers) } }, { status, headers });
    }
    return streamed(body, reply.steps, script.tools, reply.streamMs);
  }

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (request.method === "POST" && pathname === "/v1/responses") return answer((await request.json()) as Body);
      if (pathname === "/v1/models") return Response.json({ object: "list", data: [], models: [] });
      return Response.json({ error: { type: "not_found", message: "not scripted" } }, { status: 404 });
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    play(folder, model, { needsApproval }) {
      const script: Script = { model, turns: [], tools: toolNames(needsApproval) };
      scripts.set(folder, script);
      return {
        url,
        turns: script.turns,
        setModel(next) {
          script.model = next;
        },
        async stop() {
          scripts.delete(folder);
        },
      };
    },
    stop: () => server.stop(true),
  };
}

/** The service names the reset twice: in the headers and in the error. */
function resetOf(headers: Record<string, string> | undefined): { resets_at?: number } {
  const at = Number(headers?.["x-codex-primary-reset-at"]);
  return at > 0 ? { resets_at: at } : {};
}
