export * from "./call-tool.ts";
export * from "./server.ts";
export * from "./tools.ts";
