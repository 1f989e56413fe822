import manifest from "../../package.json" with { type: "json" };

declare const REPOWIRE_VERSION: string | undefined;

/** Version of this program, from its one source; a build may be told another. */
export const VERSION: string = typeof REPOWIRE_VERSION === "undefined" ? manifest.version : REPOWIRE_VERSION;
