import { readFileSync } from "node:fs";
import { isOwnProcess } from "../platform/own-process.ts";
import { homePaths } from "../platform/paths.ts";
import { HOST, PID_HEADER } from "../protocol/endpoints.ts";

/** The daemon as a hook finds it: two small files, no schema library. */
export interface DaemonCall {
  /** Posts JSON; undefined when the daemon cannot be reached or does not answer in time. Refusals are `{}`. */
  post(path: string, body: unknown, timeoutMs: number): Promise<Record<string, unknown> | undefined>;
}

export function daemonCall(home: string): DaemonCall {
  const paths = homePaths(home);

  function address(): { port: number; token: string } | undefined {
    try {
      const record: unknown = JSON.parse(readFileSync(paths.daemonRecord, "utf8"));
      if (typeof record !== "object" || !record || !("port" in record) || !("pid" in record)) return undefined;
      const port = Number(record.port);
      return port > 0 && isOwnProcess(Number(record.pid))
        ? { port, token: readFileSync(paths.token, "utf8").trim() }
        : undefined;
    } catch {
      return undefined;
    }
  }

  return {
    async post(path, body, timeoutMs) {
      const at = address();
      if (!at) return undefined;
      try {
        const response = await fetch(`http://${HOST}:${at.port}${path}`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${at.token}`,
            "content-type": "application/json",
            [PID_HEADER]: String(process.pid),
          },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(timeoutMs),
        });
        // What is not a refusal in our own form comes from another program on that port: as if nobody were there.
        const isOurs = response.headers.get("content-type") === "application/problem+json";
        if (!response.ok) return response.status >= 500 || !isOurs ? undefined : {};
        const reply: unknown = await response.json();
        return typeof reply === "object" && reply !== null ? Object.fromEntries(Object.entries(reply)) : {};
      } catch {
        // Down, restarting, or too slow: the caller spools.
        return undefined;
      }
    },
  };
}
