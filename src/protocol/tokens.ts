/** What a message's frame costs beside its text, in tokens (`ask_frame_tokens` of the bench). */
const FRAME_TOKENS = 60;
/** English prose and code have about four characters to a token; the models' own counts differ. */
const CHARS_PER_TOKEN = 4;

/** An estimate of what `text` costs its recipients together, each of whom reads it in a frame. Tokens. */
export const estimatedTokens = (text: string, recipients: number): number =>
  recipients * (Math.ceil(text.length / CHARS_PER_TOKEN) + FRAME_TOKENS);
