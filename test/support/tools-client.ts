import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { entryCommand } from "../../src/platform/program.ts";
import type { SetupSandbox } from "./setup-sandbox.ts";

/** The SDK's own client of the tools over stdio, started by this very process as Gemini CLI would. The caller closes it. */
export async function toolsClient(sandbox: SetupSandbox, env: Record<string, string> = {}): Promise<Client> {
  const [command = "", ...args] = [...entryCommand("mcp"), "gemini"];
  const client = new Client({ name: "gemini", version: "0.61.0" });
  await client.connect(
    new StdioClientTransport({
      command,
      args,
      cwd: sandbox.root,
      env: { ...sandbox.env, REPOWIRE_PEER: "1", ...env },
      stderr: "ignore",
    }),
  );
  return client;
}
