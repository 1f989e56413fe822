import { Command } from "@commander-js/extra-typings";

/** What an agent CLI's configuration may name instead of `repowire-mcp`: it loads the whole command line first, and so starts slower. */
export function mcpCommand() {
  return new Command("mcp")
    .description("the mesh tools as an MCP server on stdin and stdout, for the agent session that starts it")
    .argument("<runtime>", "the agent CLI that starts it: gemini")
    .action(async (runtime) => {
      // stdout belongs to the protocol.
      console.log = console.error;
      const { StdioServerTransport } = await import("@modelcontextprotocol/sdk/server/stdio.js");
      const { runToolsServer } = await import("../../../channels/tools/server.ts");
      await runToolsServer({
        runtime,
        transport: new StdioServerTransport(),
        env: process.env,
        cliPid: process.ppid,
        exit: (code) => process.exit(code),
      });
      // Until the session ends: `exit` above is the way out.
      await new Promise(() => {});
    });
}
