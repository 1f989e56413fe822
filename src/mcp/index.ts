export * from "./server.ts";
export * from "./tools.ts";
