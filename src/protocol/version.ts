import manifest from "../../package.json" with { type: "json" };

/** Version of this program, from its one source. */
export const VERSION: string = manifest.version;
