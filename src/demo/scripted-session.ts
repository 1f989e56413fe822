import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { z } from "zod";
import { VERSION } from "../protocol/index.ts";

/**
 * A session that does what Claude Code does around its model, without a model: it starts the channel server, takes channel
 * notifications as turns, runs the hooks, and keeps the session record and the transcript that the real CLI keeps (2.1.330). What
 * the model would do is a function. Used by the demo and by tests; nothing here speaks to a network.
 */
export interface ScriptedSession {
  readonly sessionId: string;
  /** Calls one of our tools within the turn, as the model would. Returns the text that the model reads. */
  callTool(name: string, args: Record<string, unknown>): Promise<string>;
  /** Text of the model in this turn. */
  say(text: string, endsTurn?: boolean): void;
  /** Another tool of the CLI was used (reading a file, say). */
  useTool(name: string, input: Record<string, unknown>): void;
  /** A tool wants its user's leave: the dialog stands until it is decided, here by the hook alone. Undefined: nobody did. */
  askPermission(name: string, input: Record<string, unknown>): Promise<"allow" | "deny" | undefined>;
  /** The user types a prompt: a turn begins; resolves when it is over. */
  prompt(text: string): Promise<void>;
  /** The conversation is cleared: a new session id in the same process. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export interface Turn {
  /** What entered: the whole frame of a push, or what the user typed. */
  inputs: string[];
}

export interface ScriptedSessionParts {
  /** Command line of the channel server. */
  channel: string[];
  /** Command line of the hook entry, without the event; none: a session without hooks. */
  hook?: string[];
  projectDir: string;
  configDir: string;
  env: Record<string, string>;
  /** What the model does with a turn. */
  model(session: ScriptedSession, turn: Turn): Promise<void>;
  /** A frame was pushed: what the CLI itself received, before any turn. */
  onPush?(frame: string): void;
  /** Text that a hook put into the conversation. */
  onContext?(event: string, text: string): void;
  /** Overrides what the record says (an inbox socket, another entrypoint). */
  record?: Record<string, unknown>;
}

const ChannelPush = z.object({
  method: z.literal("notifications/claude/channel"),
  params: z.object({ content: z.string(), meta: z.record(z.string(), z.string()).optional() }),
});

const PermissionReply = z.object({
  hookSpecificOutput: z.object({ decision: z.object({ behavior: z.enum(["allow", "deny"]) }) }),
});

export async function startScriptedSession(parts: ScriptedSessionParts): Promise<ScriptedSession> {
  let sessionId: string = randomUUID();
  let parent: string | undefined;
  const recordFile = join(parts.configDir, "sessions", `${process.pid}.json`);
  const queue: string[] = [];
  let running: Promise<void> | undefined;

  const transcriptFile = () =>
    join(parts.configDir, "projects", parts.projectDir.replace(/[^a-zA-Z0-9]/g, "-"), `${sessionId}.jsonl`);

  function keepRecord(status: "idle" | "busy" | "waiting"): void {
    const record = {
      pid: process.pid,
      sessionId,
      cwd: parts.projectDir,
      version: "2.1.330",
      kind: "interactive",
      entrypoint: "cli",
      status,
      statusUpdatedAt: Date.now(),
    };
    writeFileSync(recordFile, JSON.stringify({ ...record, ...parts.record }));
  }

  function write(entry: Record<string, unknown>): void {
    const uuid = randomUUID();
    appendFileSync(
      transcriptFile(),
      `${JSON.stringify({ parentUuid: parent, uuid, sessionId, isSidechain: false, timestamp: new Date().toISOString(), ...entry })}\n`,
    );
    parent = uuid;
  }

  function assistant(content: unknown[], stopReason: string): void {
    write({
      type: "assistant",
      message: { id: `msg_${randomUUID()}`, role: "assistant", content, stop_reason: stopReason },
    });
  }

  async function runHook(event: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
    if (!parts.hook) return {};
    const child = Bun.spawn([...parts.hook, event], {
      cwd: parts.projectDir,
      env: { ...sessionEnv(), CLAUDE_PID: String(process.pid) },
      stdin: new Blob([
        JSON.stringify({
          session_id: sessionId,
          transcript_path: transcriptFile(),
          cwd: parts.projectDir,
          hook_event_name: event,
          permission_mode: "default",
          ...input,
        }),
      ]),
      stdout: "pipe",
      stderr: "inherit",
    });
    const text = await new Response(child.stdout).text();
    await child.exited;
    return text === "" ? {} : JSON.parse(text);
  }

  function noteContext(event: string, reply: Record<string, unknown>): string | undefined {
    const context = (reply.hookSpecificOutput as { additionalContext?: string } | undefined)?.additionalContext;
    if (context) {
      write({
        type: "attachment",
        attachment: { type: "hook_additional_context", hookEvent: event, content: [context] },
      });
      parts.onContext?.(event, context);
    }
    return context;
  }

  const sessionEnv = (): Record<string, string> => ({
    ...parts.env,
    CLAUDE_CONFIG_DIR: parts.configDir,
    CLAUDE_PROJECT_DIR: parts.projectDir,
    CLAUDE_CODE_SESSION_ID: sessionId,
    CLAUDE_CODE_ENTRYPOINT: "cli",
    CLAUDECODE: "1",
  });

  /** Everything that waits becomes one turn, as in the CLI. */
  async function runTurn(first: { text: string; origin: Record<string, unknown> }): Promise<void> {
    keepRecord("busy");
    const inputs = [first, ...queue.splice(0).map((text) => ({ text, origin: CHANNEL_ORIGIN }))];
    for (const { text, origin } of inputs) {
      const reply = await runHook("UserPromptSubmit", { prompt: text });
      write({
        type: "user",
        origin,
        isMeta: origin.kind === "channel",
        promptSource: origin.kind === "human" ? "typed" : "system",
        message: { role: "user", content: text },
      });
      noteContext("UserPromptSubmit", reply);
    }
    await parts.model(session, { inputs: inputs.map((input) => input.text) });
    await endTurn();
    keepRecord("idle");
  }

  let lastText = "";
  async function endTurn(): Promise<void> {
    let isContinued = false;
    for (let goesOn = true; goesOn; ) {
      assistant([{ type: "text", text: lastText }], "end_turn");
      const reply = await runHook("Stop", { stop_hook_active: isContinued, last_assistant_message: lastText });
      const context = noteContext("Stop", reply) ?? (typeof reply.reason === "string" ? reply.reason : undefined);
      goesOn = context !== undefined && !isContinued;
      isContinued = true;
      if (goesOn && context) await parts.model(session, { inputs: [context] });
    }
    write({ type: "system", subtype: "turn_duration" });
    lastText = "";
  }

  async function startTurn(text: string, origin: Record<string, unknown>): Promise<void> {
    while (running) await running;
    running = runTurn({ text, origin }).finally(() => {
      running = undefined;
      const next = queue.shift();
      if (next !== undefined) void startTurn(next, CHANNEL_ORIGIN);
    });
    await running;
  }

  const client = new Client({ name: "scripted-session", version: VERSION }, { capabilities: {} });
  client.setNotificationHandler(ChannelPush, ({ params }) => {
    const attributes = Object.entries(params.meta ?? {}).map(([key, value]) => ` ${key}="${escapeValue(value)}"`);
    const frame = `<channel source="repowire"${attributes.join("")}>\n${params.content.replaceAll("</channel>", "<\\/channel>")}\n</channel>`;
    parts.onPush?.(frame);
    if (running) queue.push(frame);
    else void startTurn(frame, CHANNEL_ORIGIN);
  });

  const session: ScriptedSession = {
    get sessionId() {
      return sessionId;
    },
    async callTool(name, args) {
      const id = `toolu_${randomUUID()}`;
      assistant([{ type: "tool_use", id, name: `mcp__repowire__${name}`, input: args }], "tool_use");
      const result = await client.callTool(
        { name, arguments: args, _meta: { "claudecode/toolUseId": id } },
        undefined,
        { timeout: 600_000 },
      );
      const text = (result.content as { type: string; text: string }[]).map((block) => block.text).join("\n");
      write({
        type: "user",
        message: { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: text }] },
        ...(result._meta ? { mcpMeta: { _meta: result._meta } } : {}),
      });
      return text;
    },
    say(text) {
      lastText = text;
    },
    useTool(name, input) {
      const id = `toolu_${randomUUID()}`;
      assistant([{ type: "tool_use", id, name, input }], "tool_use");
      write({
        type: "user",
        message: { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "done" }] },
      });
    },
    async askPermission(name, input) {
      keepRecord("waiting");
      const reply = await runHook("PermissionRequest", { tool_name: name, tool_input: input });
      keepRecord("busy");
      return PermissionReply.safeParse(reply).data?.hookSpecificOutput.decision.behavior;
    },
    prompt: (text) => startTurn(text, { kind: "human" }),
    async clear() {
      await runHook("SessionEnd", { reason: "clear" });
      sessionId = randomUUID();
      parent = undefined;
      keepRecord("idle");
      await runHook("SessionStart", { source: "clear" });
    },
    async close() {
      await client.close();
      rmSync(recordFile, { force: true });
    },
  };

  mkdirSync(dirname(recordFile), { recursive: true });
  mkdirSync(dirname(transcriptFile()), { recursive: true });
  keepRecord("idle");
  noteContext("SessionStart", await runHook("SessionStart", { source: "startup" }));
  const [command, ...args] = parts.channel;
  await client.connect(
    new StdioClientTransport({
      command: command ?? "",
      args,
      env: sessionEnv(),
      cwd: parts.projectDir,
      stderr: "inherit",
    }),
  );
  await client.listTools();
  return session;
}

const CHANNEL_ORIGIN = { kind: "channel", server: "repowire" };

function escapeValue(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
