import { dismiss, toasts } from "../live/toasts.ts";

export function Toasts() {
  return (
    <div class="toasts" role="log" aria-live="polite" aria-label="What happened">
      {toasts.value.map(({ id, text, kind }) => (
        <div key={id} class={`toast ${kind}`}>
          <p>
            {kind === "refused" ? <strong>Not done. </strong> : null}
            {text}
          </p>
          <button type="button" class="plain" aria-label="Put away" onClick={() => dismiss(id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
