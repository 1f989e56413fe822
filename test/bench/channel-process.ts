import { readFileSync } from "node:fs";
import { findDaemon, httpMesh } from "../../src/client/index.ts";

/** The real channel server as a CLI would start it, spoken to in plain lines so that nothing else is measured. */
export interface ChannelProcess {
  /** From the start of the process to its answer to `initialize`, in milliseconds. */
  readyMs: number;
  /** Resolves when its session can be pushed to. */
  joined(): Promise<void>;
  /** From the ask being sent to the notification on stdout, for each of `count` asks; and bare echoes over stdio for comparison. */
  pushes(count: number, ask: (peer: string) => Promise<unknown>): Promise<{ pushMs: number[]; echoMs: number[] }>;
  rssMb(): number;
  close(): Promise<void>;
}

interface Line {
  id?: number;
  method?: string;
  params?: { content?: string; meta?: Record<string, string> };
}

export async function channelProcess(
  command: string[],
  cwd: string,
  env: Record<string, string>,
): Promise<ChannelProcess> {
  const from = performance.now();
  // A shell in between would be the session's process; here this process is it, as Claude Code is for its channels.
  const child = Bun.spawn(command, {
    cwd,
    env: { ...env, CLAUDE_PROJECT_DIR: cwd, CLAUDE_CODE_ENTRYPOINT: "cli" },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const listeners = new Set<(line: Line) => void>();
  void readLines(child.stdout, (line) => {
    for (const listener of [...listeners]) listener(line);
  });
  let nextId = 1;

  function send(message: object): void {
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    child.stdin.flush();
  }

  function next(fits: (line: Line) => boolean): Promise<Line> {
    return new Promise((resolve) => {
      const listener = (line: Line) => {
        if (!fits(line)) return;
        listeners.delete(listener);
        resolve(line);
      };
      listeners.add(listener);
    });
  }

  async function request(method: string, params: object): Promise<Line> {
    const id = nextId++;
    const answer = next((line) => line.id === id);
    send({ id, method, params });
    return answer;
  }

  await request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "bench", version: "1" },
  });
  const readyMs = performance.now() - from;

  return {
    readyMs,
    async joined() {
      send({ method: "notifications/initialized" });
      await request("tools/list", {});
      const address = await until(() => findDaemon(env.REPOWIRE_HOME ?? ""));
      // Called from the session's own process tree, so this is the session speaking.
      await until(async () => {
        const { peer } = await httpMesh(address).whoami({});
        return (peer.path === cwd && peer.delivery?.rung === "channel") || undefined;
      });
    },
    async pushes(count, ask) {
      const pushMs: number[] = [];
      const echoMs: number[] = [];
      for (let i = 0; i < count; i++) {
        const pushed = next((line) => line.method === "notifications/claude/channel");
        const asker = ask("session");
        const line = await pushed;
        const at = performance.timeOrigin + performance.now();
        const sentAt = await sentTime(line);
        if (sentAt !== undefined) pushMs.push(at - sentAt);
        await request("tools/call", { name: "reply", arguments: { id: line.params?.meta?.id ?? "", text: "ok" } });
        await asker;
        const echoFrom = performance.now();
        await request("ping", {});
        echoMs.push(performance.now() - echoFrom);
      }
      return { pushMs, echoMs };
    },
    rssMb: () => Number(readFileSync(`/proc/${child.pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)?.[1] ?? 0) / 1024,
    async close() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };

  /** When the daemon accepted the ask: the trace has it in whole milliseconds of the same clock. */
  async function sentTime(line: Line): Promise<number | undefined> {
    const address = await findDaemon(env.REPOWIRE_HOME ?? "");
    const id = line.params?.meta?.id;
    if (!address || !id) return undefined;
    const trace = await httpMesh(address).trace({ id });
    return trace.steps[0]?.at_epoch_ms;
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: Line) => void): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") onLine(JSON.parse(line) as Line);
  }
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 500; i++) {
    const found = await look();
    if (found !== undefined) return found;
    await Bun.sleep(20);
  }
  throw new Error("the channel did not join");
}
