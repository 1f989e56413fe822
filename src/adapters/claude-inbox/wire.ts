import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { readSmallFile } from "../../platform/read-small.ts";

/**
 * The inbox socket of a Claude Code session speaks JSON lines (documented from 2.1.224 on; there without any flag from 2.1.248 on).
 * Nothing comes back on acceptance; what is held or denied is told to the `from` address later.
 */

/** Frames that a session writes to an address of ours. */
export const InboxFrame = z.union([
  z.object({ type: z.literal("user"), message: z.object({ content: z.string() }), from: z.string().optional() }),
  z.object({
    type: z.literal("control"),
    action: z.literal("peer_message_status"),
    status: z.enum(["held", "denied", "delivered", "expired", "refused", "dropped"]),
    orig_msg_id: z.string(),
  }),
]);
export type InboxFrame = z.infer<typeof InboxFrame>;

const KEY_BYTES_MAX = 65_536;

/** The key that a process of the same user presents; kept beside the session's record with mode 0600. */
export function readPeerToken(configDir: string, pid: number): string | undefined {
  const folder = join(configDir, "sessions");
  try {
    const file = readdirSync(folder).find((name) => name.startsWith(`${pid}.`) && name.endsWith(".key"));
    const content: unknown = file && JSON.parse(readSmallFile(join(folder, file), KEY_BYTES_MAX));
    return typeof content === "object" && content && "peerToken" in content && typeof content.peerToken === "string"
      ? content.peerToken
      : undefined;
  } catch {
    // On Linux the socket takes messages without it (2.1.330).
    return undefined;
  }
}

const WRITE_TIMEOUT_MS = 3_000;

/** Writes lines to a session's socket; resolves when all bytes are with the kernel and the other side was there to take them. */
export function writeLines(socketPath: string, lines: readonly object[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const timer = setTimeout(() => fail(new Error("the session's socket did not answer")), WRITE_TIMEOUT_MS);
    function fail(error: Error): void {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    }
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.end(`${lines.map((line) => JSON.stringify(line)).join("\n")}\n`, () => {
        clearTimeout(timer);
        resolve();
      });
    });
    // Nothing is expected back, but a socket that is not read never ends.
    socket.resume();
  });
}

/** Whether the session listens: a connection that ends without a word. */
export function reach(socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.setTimeout(WRITE_TIMEOUT_MS, () => socket.destroy(new Error("the session's socket did not answer")));
    socket.once("error", reject);
    socket.once("connect", () => socket.end(resolve));
  });
}

/** The text inside the wrapper in which a session's SendMessage arrives. */
export function unwrap(content: string): string {
  const inner = content.match(/<cross-session-message\b[^>]*>\n?([\s\S]*?)\n?<\/cross-session-message>/)?.[1];
  return (inner ?? content).trim();
}
