import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { logger } from "../../platform/log.ts";
import { InboxFrame } from "./wire.ts";

const log = logger("claude-inbox");
const LINE_BYTES_MAX = 1_000_000;
const CONNECTION_IDLE_MS = 60_000;
/** Sockets that listen at the same time: open messages of the sessions of one machine. */
const LISTENERS_MAX = 512;

/** Listens on the addresses that sessions may answer to. */
export interface Listeners {
  /** Resolves once the address can be written to. Safe to repeat. */
  open(file: string, onFrame: (frame: InboxFrame) => void): Promise<void>;
  close(file: string): void;
  closeAll(): void;
  readonly size: number;
}

export function createListeners(): Listeners {
  const servers = new Map<string, Server>();

  function close(file: string): void {
    servers.get(file)?.close();
    servers.delete(file);
    rmSync(file, { force: true });
  }

  return {
    open(file, onFrame) {
      if (servers.has(file)) return Promise.resolve();
      const [oldest] = servers.keys();
      if (servers.size >= LISTENERS_MAX && oldest) close(oldest);
      rmSync(file, { force: true });
      const server = createServer((socket) => readLines(socket, onFrame));
      servers.set(file, server);
      return new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(file, () => resolve());
      });
    },
    close,
    closeAll() {
      for (const file of [...servers.keys()]) close(file);
    },
    get size() {
      return servers.size;
    },
  };
}

function readLines(socket: Socket, onFrame: (frame: InboxFrame) => void): void {
  let rest = "";
  socket.setTimeout(CONNECTION_IDLE_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    rest += chunk.toString();
    if (rest.length > LINE_BYTES_MAX) {
      log.warning("a line on a reply address was too long", {});
      socket.destroy();
      return;
    }
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const frame = parseFrame(line);
      if (frame) onFrame(frame);
    }
  });
}

/** Frames of other kinds (an auth line, say) mean nothing here. */
function parseFrame(line: string): InboxFrame | undefined {
  try {
    return InboxFrame.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
