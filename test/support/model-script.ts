/**
 * How a scene plays the model behind an agent CLI, whichever CLI that is: each runtime's scripted server shows what its CLI sent as
 * a `ModelTurn`, and turns the steps of the reply into what that CLI's model would have sent.
 */

/**
 * `say`: text. `use`: one of repowire's tools, by its bare name. `shell`: a command through the CLI's own shell tool. `call`: any
 * tool, by the name that the CLI gave it.
 */
export type Step =
  | { say: string }
  | { use: string; input: Record<string, unknown> }
  | { shell: string }
  | { call: string; input: Record<string, unknown> };

/** One request of the CLI's main loop, as far as a script needs it. */
export interface ModelTurn {
  /** Everything that is new since the model last spoke: prompts, frames, tool results, system notes. */
  text: string;
  /** Texts of the tool results among it. */
  toolResults: string[];
  /** How many main-loop requests came before. */
  index: number;
}

export interface Reply {
  steps: Step[];
  /** Wait before the first byte; the turn counts as busy meanwhile. */
  delayMs?: number;
  /** Streams the text in pieces, over this time. */
  streamMs?: number;
  /** Answer with an error instead. */
  error?: { status: number; type: string; message: string; headers?: Record<string, string> };
}

export type Model = (turn: ModelTurn) => Step[] | Reply | Promise<Step[] | Reply>;

/** What every scripted server offers to scenes. */
export interface ModelServer {
  url: string;
  /** What the model was shown, request by request. */
  turns: ModelTurn[];
  setModel(model: Model): void;
  stop(): Promise<void>;
}

/** How one CLI names the tools. */
export interface ToolNames {
  ours(tool: string): string;
  shell(command: string): { call: string; input: Record<string, unknown> };
}

/** The step as this CLI's model would take it. */
export function rawStep(
  step: Step,
  tools: ToolNames,
): { say: string } | { call: string; input: Record<string, unknown> } {
  if ("use" in step) return { call: tools.ours(step.use), input: step.input };
  if ("shell" in step) return tools.shell(step.shell);
  return step;
}

/** Server-sent events, spread over a time: how a model streams. */
export function eventStream(chunks: readonly string[], overMs = 0): Response {
  const headers = { "content-type": "text/event-stream" };
  if (overMs === 0) return new Response(chunks.join(""), { headers });
  const pause = overMs / Math.max(1, chunks.length);
  const encoder = new TextEncoder();
  let isOver = false;
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const chunk of chunks) {
        if (isOver) return;
        controller.enqueue(encoder.encode(chunk));
        await Bun.sleep(pause);
      }
      if (!isOver) controller.close();
    },
    cancel() {
      isOver = true;
    },
  });
  return new Response(body, { headers });
}

/** A text in about `count` pieces, none of them empty unless the text is. */
export function piecesOf(text: string, count: number): string[] {
  const size = Math.max(1, Math.ceil(text.length / count));
  const pieces: string[] = [];
  for (let from = 0; from < text.length; from += size) pieces.push(text.slice(from, from + size));
  return pieces.length > 0 ? pieces : [""];
}
