import { afterAll, beforeAll, expect, test } from "bun:test";
import { realpathSync } from "node:fs";
import { type RunningDaemon, startDaemon } from "../../src/daemon/daemon.ts";
import { loadConfig } from "../../src/platform/config.ts";
import { homePaths } from "../../src/platform/paths.ts";
import { CODEX_MCP_SCOPE, readToken, scopedToken } from "../../src/platform/token.ts";
import { codexAuthorization } from "../../src/setup/codex.ts";
import { tempHome } from "../support/temp-home.ts";

/** The credential that stands in Codex's configuration opens the tools and nothing else. */
const home = tempHome();
const paths = homePaths(realpathSync(home.path));
let daemon: RunningDaemon;
let token: string;

beforeAll(async () => {
  daemon = await startDaemon(paths, loadConfig(paths.home, { port: 0 }).values);
  token = readToken(paths.home) ?? "";
});
afterAll(async () => {
  await daemon.stop();
  home[Symbol.dispose]();
});

const call = (path: string, authorization: string, body: object): Promise<Response> =>
  fetch(`http://127.0.0.1:${daemon.port}${path}`, {
    method: "POST",
    headers: {
      authorization,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    },
    body: JSON.stringify(body),
  });

const hello = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } },
};

test("it opens /mcp", async () => {
  const response = await call("/mcp", codexAuthorization(token), hello);
  expect(response.status).toBe(200);
  expect(await response.text()).toContain('"serverInfo"');
});

test("it opens nothing else", async () => {
  for (const path of ["/v1/peers", "/v1/ask", "/v1/hooks/codex", "/mcp/../v1/peers", "/v1/events"])
    expect((await call(path, codexAuthorization(token), {})).status).toBe(401);
});

test("another token's, or another scope's, opens nothing", async () => {
  for (const wrong of [scopedToken("rw_other", CODEX_MCP_SCOPE), scopedToken(token, "mcp:other"), ""])
    expect((await call("/mcp", `Bearer ${wrong}`, hello)).status).toBe(401);
});

test("it is not the token, and does not hold it", () => {
  expect(codexAuthorization(token)).not.toContain(token);
  expect(scopedToken(token, CODEX_MCP_SCOPE)).toBe(scopedToken(token, CODEX_MCP_SCOPE));
});
