import type { z } from "zod";
import { logger } from "../../platform/log.ts";
import { VERSION } from "../../protocol/index.ts";
import type { ControlClient } from "./control.ts";
import { codexIsGone, createCodexRpc } from "./rpc.ts";
import { Nothing } from "./wire.ts";

/**
 * Where a terminal runs its agent itself there is no shared server to join. Its queue and its turns are on disk all the same, and
 * the same program reads and writes them: `codex app-server` on stdio, started when something is to be asked and ended when nothing
 * was for a while (up after 0.12 s, some 100 MB while it lives; 0.169.0). It holds no thread and runs none.
 */
export interface Helper {
  command: string;
  codexHome: string;
  folder: string;
  env: Record<string, string>;
}

const log = logger("codex");
const IDLE_MS = 20_000;

export function createHelperClient(helper: Helper): ControlClient {
  let child: ReturnType<typeof start> | undefined;
  let ending: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  async function call<Schema extends z.ZodType>(method: string, params: object, result: Schema) {
    if (isStopped) throw codexIsGone();
    child ??= start(helper, () => {
      child = undefined;
    });
    clearTimeout(ending);
    ending = setTimeout(() => child?.end(), IDLE_MS);
    const running = child;
    await running.ready;
    return running.request(method, params, result);
  }

  return {
    isUp: true,
    serverPid: undefined,
    canQueue: true,
    call,
    // No approval ever comes here: the agent runs elsewhere.
    answer() {},
    start() {},
    stop() {
      isStopped = true;
      clearTimeout(ending);
      child?.end();
    },
  };
}

function start(helper: Helper, onEnd: () => void) {
  const child = Bun.spawn([helper.command, "app-server"], {
    cwd: helper.folder,
    env: { ...helper.env, CODEX_HOME: helper.codexHome },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  const write = (text: string): boolean => {
    if (child.exitCode !== null) return false;
    child.stdin.write(`${text}\n`);
    child.stdin.flush();
    return true;
  };
  const rpc = createCodexRpc({ send: write, onNotice() {}, onRequest() {} });
  void readLines(child.stdout, rpc.take)
    .catch((error) => log.debug("Codex's helper ended", { error }))
    .finally(() => {
      rpc.failAll();
      onEnd();
    });
  const clientInfo = { name: "repowire", title: "repowire", version: VERSION };
  const ready = rpc
    .request("initialize", { clientInfo, capabilities: { experimentalApi: true } }, Nothing)
    .then(() => void write(JSON.stringify({ method: "initialized" })));
  return { request: rpc.request, ready, end: () => child.kill() };
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
