import { say } from "../live/toasts.ts";

/** A command that is for a terminal, and the way to take it there. */
export function Command({ text }: { text: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.");
    } catch {
      // Without a secure context there is no clipboard; the text stands there to be selected.
      say("This browser does not let the page copy. Select the command instead.", "refused");
    }
  };
  return (
    <span class="command">
      <code>{text}</code>
      <button type="button" class="small" aria-label={`Copy: ${text}`} onClick={() => void copy()}>
        Copy
      </button>
    </span>
  );
}
