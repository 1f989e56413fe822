export * from "./composer.ts";
export * from "./find.ts";
export * from "./look.ts";
export * from "./paste.ts";
export * from "./server.ts";
