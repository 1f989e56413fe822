import { signal } from "@preact/signals";

/** What happened to something that the person did: said in one line, by the daemon's own words where it refused. */
export interface Toast {
  id: number;
  text: string;
  kind: "done" | "refused";
}

export const toasts = signal<Toast[]>([]);

const SHOWN_MAX = 4;
const DONE_MS = 4_000;
let next = 1;

/** What was refused stays until it is put away: it must not be missed. */
export function say(text: string, kind: Toast["kind"] = "done"): void {
  const toast = { id: next++, text, kind };
  toasts.value = [...toasts.value.filter((known) => known.text !== text), toast].slice(-SHOWN_MAX);
  if (kind === "done") setTimeout(() => dismiss(toast.id), DONE_MS);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Does it, and says what came of it. Returns whether it was done. */
export async function attempt(work: () => Promise<string>): Promise<boolean> {
  try {
    say(await work());
    return true;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), "refused");
    return false;
  }
}
