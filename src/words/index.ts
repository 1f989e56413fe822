export * from "./clean.ts";
export * from "./codex.ts";
export * from "./frames.ts";
export * from "./gemini.ts";
export * from "./numbers.ts";
export * from "./opencode.ts";
export * from "./results.ts";
export * from "./session.ts";
