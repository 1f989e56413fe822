/** Joins the two halves of the plugin within one process. The TUI half imports nothing else, to stay tiny. */
export const SCREEN_CHANNEL = "repowire.opencode.screen";
