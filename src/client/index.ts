export * from "./attach.ts";
export * from "./claim.ts";
export * from "./http.ts";
export * from "./link.ts";
export * from "./locate.ts";
export * from "./start-daemon.ts";
export * from "./through-link.ts";
