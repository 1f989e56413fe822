/** What a terminal acts on, but for a line's end and a tab: control characters, and signs that reorder what is read. */
const ACTED_ON = /(?![\n\t])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;
/** Our own colours, or any of these. */
const COLOUR_OR_ACTED_ON = new RegExp(`(\\u001b\\[[0-9;]*m)|${ACTED_ON.source}`, "gu");

/** A text of others for a terminal that it must not steer; what it tried is seen as question marks. */
export const maskControls = (text: string): string => text.replace(ACTED_ON, "?");

/** A text of ours, colours and all, for a terminal: whatever came into it uncleaned steers nothing. */
export const stripControls = (text: string): string =>
  text.replace(COLOUR_OR_ACTED_ON, (_sign, colour?: string) => colour ?? "");

/** JSON on one line. What JSON leaves as it is but terminals act on, or take for a line's end, is written as `\u009b`. */
export const terminalJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
