import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CODEX_MCP_SCOPE, scopedToken } from "../platform/token.ts";
import { RepowireError, VERSION } from "../protocol/index.ts";

/**
 * What setup needs Codex's own program for: trusting the hooks that it has just written. Codex runs a new or changed hook only
 * after its user has seen it, and keeps that decision as a hash of its own making (0.169.0). The hash is asked for, never computed,
 * and only for hooks whose command is ours.
 */

/** The `Authorization` header of `[mcp_servers.repowire]`: opens the tools, and nothing else of the daemon. */
export const codexAuthorization = (token: string): string => `Bearer ${scopedToken(token, CODEX_MCP_SCOPE)}`;

/** The events that `hooks.json` names, each with its time-out in seconds; Codex clamps the last two to 3 and warns above that. */
export const CODEX_HOOK_TIMEOUTS = {
  SessionStart: 10,
  UserPromptSubmit: 10,
  PermissionRequest: 10,
  Stop: 10,
  Interrupt: 3,
  SessionEnd: 3,
} as const;

export interface CodexProgram {
  /** The `codex` command. */
  command: string;
  codexHome: string;
  /** A folder to ask from; hooks of its own project are listed too, and left alone. */
  folder: string;
  env: Record<string, string | undefined>;
  /** Whether a hook's command is one that setup wrote. */
  isOurs(command: string): boolean;
}

export interface HookTrust {
  trusted: string[];
  /** Ours, but not trusted: why is for Codex to say, in its own dialog. */
  untrusted: string[];
}

/** Marks our hooks as trusted; throws `RepowireError` when Codex cannot be asked. Repeating it changes nothing. */
export function trustHooks(program: CodexProgram): Promise<HookTrust> {
  return withServer(program, async (call) => {
    const before = await ourHooks(program, call);
    const open = before.filter((hook) => hook.trustStatus !== "trusted");
    if (open.length > 0)
      await writeState(call, Object.fromEntries(open.map((hook) => [hook.key, { trusted_hash: hook.currentHash }])));
    return sorted(await ourHooks(program, call));
  });
}

/** The reverse, before our hooks are removed from `hooks.json`: nothing of our trust stays in the configuration. */
export function distrustHooks(program: CodexProgram): Promise<HookTrust> {
  return withServer(program, async (call) => {
    for (const hook of await ourHooks(program, call)) await clearState(call, hook.key);
    return sorted(await ourHooks(program, call));
  });
}

const Hook = z.object({
  key: z.string(),
  command: z.string().nullish(),
  currentHash: z.string(),
  trustStatus: z.string(),
  isManaged: z.boolean().optional(),
});
type Hook = z.infer<typeof Hook>;
const HooksList = z.object({ data: z.array(z.object({ hooks: z.array(Hook) })) });

type Call = (method: string, params: object) => Promise<unknown>;

async function ourHooks(program: CodexProgram, call: Call): Promise<Hook[]> {
  const list = HooksList.parse(await call("hooks/list", { cwds: [program.folder] }));
  return list.data
    .flatMap((entry) => entry.hooks)
    .filter((hook) => !hook.isManaged && hook.command && program.isOurs(hook.command));
}

function writeState(call: Call, value: Record<string, unknown>): Promise<unknown> {
  const edits = [{ keyPath: "hooks.state", mergeStrategy: "upsert", value }];
  return call("config/batchWrite", { edits, reloadUserConfig: true });
}

function clearState(call: Call, key: string): Promise<unknown> {
  const edits = [{ keyPath: `hooks.state.${JSON.stringify(key)}`, mergeStrategy: "replace", value: null }];
  return call("config/batchWrite", { edits, reloadUserConfig: true });
}

function sorted(hooks: Hook[]): HookTrust {
  const keys = (isTrusted: boolean) =>
    hooks.filter((hook) => (hook.trustStatus === "trusted") === isTrusted).map((hook) => hook.key);
  return { trusted: keys(true), untrusted: keys(false) };
}

const CALL_TIMEOUT_MS = 15_000;

/** Asks the server that already runs, so that open sessions follow at once; else one of our own, for as long as this takes. */
async function withServer<T>(program: CodexProgram, work: (call: Call) => Promise<T>): Promise<T> {
  const socket = join(program.codexHome, "app-server-control", "app-server-control.sock");
  const wire =
    (existsSync(socket) ? await dialServer(socket).catch(() => undefined) : undefined) ?? startServer(program);
  try {
    const { call, notify } = createCalls(wire);
    const clientInfo = { name: "repowire", title: "repowire setup", version: VERSION };
    await call("initialize", { clientInfo, capabilities: { experimentalApi: true } });
    notify("initialized");
    return await work(call);
  } finally {
    await wire.close();
  }
}

interface Wire {
  send(text: string): void;
  onText(listener: (text: string) => void): void;
  close(): Promise<void>;
}

const Reply = z.object({
  id: z.number(),
  method: z.undefined().optional(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).nullish(),
});

function createCalls(wire: Wire): { call: Call; notify(method: string): void } {
  const open = new Map<number, (reply: z.infer<typeof Reply>) => void>();
  let next = 1;
  wire.onText((text) => {
    const parsed = Reply.safeParse(JSON.parse(text));
    if (parsed.success) open.get(parsed.data.id)?.(parsed.data);
  });
  return {
    notify: (method) => wire.send(JSON.stringify({ method })),
    call(method, params) {
      const id = next++;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const refuse = (why: string) =>
        reject(
          new RepowireError(
            "unavailable",
            `Codex did not do ${method}: ${why}. Start codex once and accept the hooks in its own dialog.`,
          ),
        );
      const timeout = setTimeout(() => refuse("it did not answer"), CALL_TIMEOUT_MS);
      open.set(id, (reply) => {
        clearTimeout(timeout);
        open.delete(id);
        if (reply.error) refuse(reply.error.message);
        else resolve(reply.result);
      });
      wire.send(JSON.stringify({ id, method, params }));
      return promise;
    },
  };
}

function dialServer(path: string): Promise<Wire> {
  const socket = new WebSocket(`ws+unix://${path}:/`);
  const { promise, resolve, reject } = Promise.withResolvers<Wire>();
  socket.onerror = () => reject(new Error(`nobody listens at ${path}`));
  socket.onopen = () =>
    resolve({
      send: (text) => socket.send(text),
      onText(listener) {
        socket.onmessage = (message) => listener(String(message.data));
      },
      async close() {
        socket.close();
      },
    });
  return promise;
}

function startServer(program: CodexProgram): Wire {
  const child = Bun.spawn([program.command, "app-server"], {
    cwd: program.folder,
    env: { ...program.env, CODEX_HOME: program.codexHome },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  return {
    send(text) {
      child.stdin.write(`${text}\n`);
      child.stdin.flush();
    },
    onText(listener) {
      void readLines(child.stdout, listener).catch(() => {
        // It ended; open calls run into their time-out and say so.
      });
    },
    async close() {
      child.kill();
      await child.exited;
    },
  };
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") onLine(line);
  }
}
