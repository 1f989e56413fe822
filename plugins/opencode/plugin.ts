import { realPath } from "../../src/platform/checkout.ts";
import { repowireHome } from "../../src/platform/paths.ts";
import { processArgs } from "../../src/platform/process.ts";
import { openCode, type RawClient } from "./api.ts";
import { readEvent } from "./events.ts";
import { filesUsed } from "./files-used.ts";
import type { ModelMessage } from "./notes.ts";
import { isPeer, startedAs } from "./process-kind.ts";
import { createSeat, type Seat } from "./seat.ts";
import { pluginTools, schemaOf } from "./tools.ts";

/**
 * The OpenCode plugin: makes a session of OpenCode 1.x a peer. OpenCode starts it for every command and sometimes twice in one
 * process; it prints nothing, throws nothing out of a hook, and never keeps the start waiting.
 */
interface PluginInput {
  client: RawClient;
  directory: string;
}

interface UserMessage {
  agent?: string;
  model?: { providerID: string; modelID: string; variant?: string };
}

/** The seats of this process, shared by every start of the plugin in it. */
const SEATS = Symbol.for("repowire.seats");
/** Written into the installed copy: the home that it belongs to. */
const HOME = Symbol.for("repowire.home");
interface Shared {
  [SEATS]?: Map<string, { seat: Seat; users: number }>;
  [HOME]?: string;
}
const shared = globalThis as Shared;

async function server(input: PluginInput): Promise<object> {
  const kind = startedAs(processArgs(process.pid), process.argv[1]?.endsWith("tui/worker.js") === true);
  if (!isPeer(kind.kind, process.env)) return {};
  const api = openCode(input.client);
  try {
    return hooks(input, api, kind);
  } catch (error) {
    api.log(`repowire could not start: ${String(error)}`);
    return {};
  }
}

function hooks(input: PluginInput, api: ReturnType<typeof openCode>, kind: ReturnType<typeof startedAs>): object {
  const folder = realPath(input.directory);
  shared[SEATS] ??= new Map();
  const seats = shared[SEATS];
  const home = shared[HOME] ?? repowireHome();
  const entry = seats.get(folder) ?? {
    seat: createSeat({ folder, home, startedAs: kind, env: process.env, api }),
    users: 0,
  };
  seats.set(folder, entry);
  entry.users++;
  const { seat } = entry;
  seat.use(api);
  const tool = pluginTools(seat.tools);

  /** Whatever goes wrong here must not take the user's prompt or turn with it. */
  async function guarded(work: () => unknown): Promise<void> {
    try {
      await work();
    } catch (error) {
      api.log(`repowire: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }

  return {
    tool,
    dispose: () =>
      guarded(() => {
        if (--entry.users > 0) return;
        seats.delete(folder);
        seat.close();
      }),
    event: ({ event }: { event: unknown }) =>
      guarded(() => {
        const known = readEvent(event);
        return known && seat.onEvent(known);
      }),
    "chat.message": async (
      given: { sessionID: string },
      output: { message: UserMessage; parts: { metadata?: unknown }[] },
    ) => {
      const { agent, model } = output.message;
      const pick = {
        agent,
        model: model && { providerID: model.providerID, modelID: model.modelID },
        variant: model?.variant,
      };
      // Not awaited: the prompt is stored when this returns.
      void guarded(() => seat.onPrompt(given.sessionID, pick, output.parts));
    },
    "tool.execute.before": (given: { tool: string }, output: { args?: unknown }) =>
      guarded(() => {
        const used = filesUsed(given.tool, output.args);
        if (used) seat.onFiles(used);
      }),
    "tool.definition": (given: { toolID: string }, output: { jsonSchema?: unknown }) =>
      guarded(() => {
        const schema = schemaOf(given.toolID);
        if (schema) output.jsonSchema = schema;
      }),
    "experimental.chat.messages.transform": (_: unknown, output: { messages: ModelMessage[] }) =>
      guarded(() => seat.weaveNotes(output.messages)),
    "experimental.chat.system.transform": (_: unknown, output: { system: string[] }) =>
      guarded(() => {
        const line = seat.systemLine();
        if (line) output.system.push(line);
      }),
    "experimental.session.compacting": (given: { sessionID: string }, output: { context: string[] }) =>
      guarded(() => {
        const open = seat.stillOpen(given.sessionID);
        if (open) output.context.push(open);
      }),
    "shell.env": (_: unknown, output: { env: Record<string, string> }) =>
      guarded(() => {
        output.env.REPOWIRE_HOME = home;
      }),
  };
}

/** OpenCode 2.x calls `setup` alone, 1.18.33 calls both; what 2.x offers is not used yet (docs/decisions). */
const setup = (): void => {};

export default { id: "repowire", server, setup };
