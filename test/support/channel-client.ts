import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { z } from "zod";
import { instanceOf, isAlive, processInfo } from "../../src/platform/process.ts";
import { until } from "./until.ts";

const Push = z.object({
  method: z.literal("notifications/claude/channel"),
  params: z.strictObject({ content: z.string(), meta: z.record(z.string(), z.string()) }),
});
const Verdict = z.object({
  method: z.literal("notifications/claude/channel/permission"),
  params: z.strictObject({ request_id: z.string(), behavior: z.enum(["allow", "deny"]) }),
});
export type Push = z.infer<typeof Push>["params"];

/** What the SDK's own client sees of a channel that a stand-in for Claude Code has started. */
export interface ChannelClient extends AsyncDisposable {
  readonly client: Client;
  /** Process of the stand-in: the session. */
  readonly sessionPid: number;
  readonly channelPid: number;
  readonly pushes: Push[];
  readonly verdicts: z.infer<typeof Verdict>["params"][];
  /** The first push whose content ends with this text. */
  pushed(ending: string): Promise<Push>;
  call(
    name: string,
    args?: Record<string, unknown>,
    options?: CallOptions,
  ): Promise<{ text: string; isError: boolean }>;
  askPermission(request: string, tool: string): Promise<void>;
}

interface CallOptions {
  signal?: AbortSignal;
  onProgress?(message: string | undefined): void;
}

export interface ChannelOptions {
  /** Command line of the channel. */
  command: string[];
  cwd: string;
  env: Record<string, string>;
  /** Words on the stand-in's command line; by default those that turn channels on. */
  flags?: string[];
}

const CHANNELS_ON = ["--dangerously-load-development-channels", "server:repowire"];
/** The channel is the shell's child, and the shell stays: so its pid is the session's, as Claude Code's is. */
const STAND_IN = 'eval "set -- $CHANNEL_COMMAND"; "$@"; exit $?';

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export async function channelClient(options: ChannelOptions): Promise<ChannelClient> {
  const transport = new StdioClientTransport({
    command: "/bin/sh",
    args: ["-c", STAND_IN, "claude", ...(options.flags ?? CHANNELS_ON)],
    cwd: options.cwd,
    env: {
      CLAUDE_PROJECT_DIR: options.cwd,
      CLAUDE_CODE_ENTRYPOINT: "cli",
      ...options.env,
      CHANNEL_COMMAND: options.command.map(quote).join(" "),
    },
    stderr: "pipe",
  });
  const client = new Client({ name: "claude-code", version: "2.1.330" }, { capabilities: {} });
  const pushes: Push[] = [];
  const verdicts: z.infer<typeof Verdict>["params"][] = [];
  client.setNotificationHandler(Push, ({ params }) => void pushes.push(params));
  client.setNotificationHandler(Verdict, ({ params }) => void verdicts.push(params));
  await client.connect(transport);
  const sessionPid = transport.pid ?? 0;
  const channelPid = childOf(sessionPid);
  const channel = instanceOf(channelPid);
  return {
    client,
    sessionPid,
    channelPid,
    pushes,
    verdicts,
    pushed: (ending) => until(() => pushes.find(({ content }) => content.endsWith(ending)), `a push of "${ending}"`),
    async call(name, args = {}, { signal, onProgress } = {}) {
      const result = await client.callTool({ name, arguments: args }, undefined, {
        signal,
        timeout: 60_000,
        ...(onProgress ? { onprogress: ({ message }: { message?: string }) => onProgress(message) } : {}),
      });
      const content = result.content as { type: string; text: string }[]; // results are text only: a test says so
      return { text: content.map(({ text }) => text).join("\n"), isError: result.isError === true };
    },
    askPermission: (request, tool) =>
      client.notification({
        method: "notifications/claude/channel/permission_request",
        params: { request_id: request, tool_name: tool, description: "to see", input_preview: '{"command":"ls"}' },
      } as never), // Claude Code's own notification, which the SDK does not know
    async [Symbol.asyncDispose]() {
      await client.close();
      if (channel) await until(() => !isAlive(channel), "the channel ends with its stdin");
    },
  };
}

function childOf(parent: number): number {
  const lines = Bun.spawnSync(["ps", "-o", "pid=", "--ppid", String(parent)]).stdout.toString();
  const pid = Number(lines.trim().split(/\s+/)[0]);
  if (!processInfo(pid)) throw new Error("the stand-in started no channel");
  return pid;
}
