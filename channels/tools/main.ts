import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { runToolsServer } from "./server.ts";

// stdout belongs to the protocol: everything else goes to stderr.
console.log = console.error;

function main(): void {
  runToolsServer({
    runtime: process.argv[2] ?? "",
    transport: new StdioServerTransport(),
    env: process.env,
    cliPid: process.ppid,
    exit: (code) => process.exit(code),
  }).catch((error: unknown) => {
    process.stderr.write(`repowire mcp: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
}

main();
