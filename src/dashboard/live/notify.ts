import { effect, signal } from "@preact/signals";
import { approvals, connection, held, pauses, questionsToMe, waitingElsewhere } from "./mesh.ts";
import { say } from "./toasts.ts";

/** The browser's own notifications, while nobody looks at the page: that something waits, and for whom; never what was said. */

export const permission = signal<NotificationPermission | "none">(
  "Notification" in globalThis ? Notification.permission : "none",
);

export async function askForNotices(): Promise<void> {
  permission.value = await Notification.requestPermission();
  if (permission.value !== "granted")
    say("The browser shows no notices of this page. Its settings can change that.", "refused");
}

interface Waiting {
  id: string;
  text: string;
}

const waiting = (): Waiting[] => [
  ...approvals.value.map(({ message, peer_name }) => ({ id: message, text: `${peer_name} waits for your decision` })),
  ...questionsToMe.value.map(({ message, from }) => ({ id: message, text: `${from} asks you something` })),
  ...waitingElsewhere.value.map(({ id, name }) => ({ id, text: `${name} waits in its own terminal` })),
  ...held.value.map(({ id, from, to }) => ({ id, text: `A message of ${from} for ${to} is held` })),
  ...pauses.value.map(({ id, peers }) => ({ id, text: `${peers.map(({ name }) => name).join(" and ")} are paused` })),
];

/** What waited already is no news. */
let known: Set<string> | undefined;

export function watchWaiting(): void {
  effect(() => {
    const now = waiting();
    if (connection.value !== "live") return;
    const fresh = now.filter(({ id }) => known && !known.has(id));
    known = new Set(now.map(({ id }) => id));
    if (!document.hidden || permission.value !== "granted") return;
    for (const one of fresh) void show(one);
  });
}

async function show({ id, text }: Waiting): Promise<void> {
  const worker = await navigator.serviceWorker?.getRegistration();
  // Phones show notices of a page only through its worker.
  if (worker) await worker.showNotification("repowire", { body: text, tag: id, icon: "/icon.svg" });
  else new Notification("repowire", { body: text, tag: id, icon: "/icon.svg" });
}
