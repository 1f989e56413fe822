import {
  asRepowireError,
  type CallOptions,
  carriedMessages,
  fromZod,
  type Mesh,
  type MessageId,
  namesIn,
  OPERATIONS,
  type OperationInput,
  type OperationOutput,
  RepowireError,
  type ToolOperation,
} from "../protocol/index.ts";
import { cleanText, resultText, rollUpText, scheduleText, type ToolNames } from "../words/index.ts";
import { toolInput } from "./tools.ts";

export interface ToolCall {
  operation: ToolOperation;
  /** As the model gave them, unchecked. */
  args: Record<string, unknown>;
  toolNames: ToolNames;
  options: CallOptions;
  /** Adds what only the session's side knows (the checkout's state, say). */
  enrich?(operation: ToolOperation, input: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Faults that are not refusals. */
  onFault(error: unknown): void;
}

export type ToolCallResult =
  | {
      text: string;
      /** Messages that this result brings to the session; whoever writes it to the runtime reports them. */
      carried: MessageId[];
      output: OperationOutput<ToolOperation | "ask_several" | "schedule">;
    }
  | { text: string; refusal: RepowireError };

/** One call of a mesh tool, the same for every runtime: arguments checked, the operation called, the result or refusal in words. */
export async function callTool(mesh: Mesh | (() => Promise<Mesh>), call: ToolCall): Promise<ToolCallResult> {
  const { operation } = call;
  try {
    const parsed = toolInput(operation).safeParse(call.args);
    if (!parsed.success) throw fromZod(parsed.error, OPERATIONS[operation].tool.name);
    if ("files" in parsed.data && parsed.data.files) refuseFiles(call, parsed.data);
    const input = call.enrich ? await call.enrich(operation, parsed.data) : parsed.data;
    const through = typeof mesh === "function" ? await mesh() : mesh;
    const several = operation === "ask" ? forSeveral(input as OperationInput<"ask">) : undefined;
    if (several) {
      const output = await through.ask_several(several, call.options);
      return {
        text: rollUpText(output, { tools: call.toolNames, now: Date.now() }),
        carried: carriedMessages("ask_several", output),
        output,
      };
    }
    const later = operation === "notify" ? forLater(input) : undefined;
    if (later) {
      const output = await through.schedule(later, call.options);
      return { text: scheduleText(output.schedule, { tools: call.toolNames, now: Date.now() }), carried: [], output };
    }
    const output = await callMesh(through, operation, input, call.options);
    const carried = carriedMessages(operation, output);
    return { text: resultText(operation, output, { tools: call.toolNames, now: Date.now() }), carried, output };
  } catch (error) {
    if (!(error instanceof RepowireError)) call.onFault(error);
    const refusal = asRepowireError(error);
    // A sentence may name a peer, or its folder, as they call themselves.
    return { text: cleanText(refusal.message), refusal };
  }
}

/** Files are read by the session's own side, now. */
function refuseFiles({ enrich }: ToolCall, { when, outcome }: Record<string, unknown>): void {
  if (!enrich)
    throw new RepowireError(
      "invalid_input",
      'Files cannot be read from here. Run in your shell instead: repowire peer notify PEER "TEXT" --attach FILE (also: peer ask, reply).',
    );
  if (when !== undefined) throw new RepowireError("invalid_input", "Files cannot be sent later. Leave out when.");
  if (outcome === "progress")
    throw new RepowireError("invalid_input", "A line of progress takes no files. Attach them to the answer.");
}

/** The same question to several peers, where the tool was given several names. */
function forSeveral({ peer, ...rest }: OperationInput<"ask">): OperationInput<"ask_several"> | undefined {
  const peers = namesIn(peer);
  return peers.length > 1 ? { ...rest, peers } : undefined;
}

/** A message for later, where the tool was told when. */
function forLater(input: Record<string, unknown>): OperationInput<"schedule"> | undefined {
  const { peer, text, when, urgency } = input as OperationInput<"schedule">;
  return when === undefined ? undefined : { peer, text, when, urgency };
}

function callMesh(
  mesh: Mesh,
  operation: ToolOperation,
  input: Record<string, unknown>,
  options: CallOptions,
): Promise<OperationOutput<ToolOperation>> {
  // The input was parsed by this operation's own schema.
  const method = mesh[operation] as (
    given: OperationInput<ToolOperation>,
    given2?: CallOptions,
  ) => Promise<OperationOutput<ToolOperation>>;
  return method(input as OperationInput<ToolOperation>, options);
}
