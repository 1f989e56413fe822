import { call, Refusal } from "./api.ts";
import { me } from "./mesh.ts";
import type { Row } from "./timeline.ts";
import { say } from "./toasts.ts";

const taken = new Set<string>();
const KNOWN_MAX = 1_000;

/** What is for the person, and is on the screen now, is taken from their mailbox: handed over, as the daemon then says itself. */
export function takeMail(rows: readonly Row[]): void {
  if (document.hidden) return;
  for (const row of rows) {
    if (row.kind === "permission") continue;
    const mine = row.to.find(({ peer_id, state }) => peer_id === me.value?.id && state === "queued");
    if (!mine || taken.has(mine.id)) continue;
    taken.add(mine.id);
    for (const oldest of taken) if (taken.size > KNOWN_MAX) taken.delete(oldest);
    call("inbox", { id: mine.id }).catch((error) => {
      taken.delete(mine.id);
      if (!(error instanceof Refusal) || error.code !== "unreachable") say((error as Error).message, "refused");
    });
  }
}
