import { batch, computed, signal } from "@preact/signals";
import type { Approval, MeshEvent, OperationOutput, Pause, Peer, Presence } from "../../protocol/index.ts";
import { call, forgetLogin, Refusal } from "./api.ts";
import { createRefresher } from "./refresher.ts";
import { followEvents } from "./stream.ts";
import { say } from "./toasts.ts";

/** The mesh as the daemon tells it: one live store. Views read its signals; nothing here is ever guessed. */

export type FoundMessage = OperationOutput<"history">["messages"][number];
export type Held = OperationOutput<"held">["held"][number];
export type Connection = "starting" | "live" | "lost" | "out";

export const connection = signal<Connection>("starting");
/** Why the browser is not logged in, in the daemon's words. */
export const outReason = signal("");
export const me = signal<Peer | undefined>(undefined);
export const peers = signal<Peer[]>([]);
export const approvals = signal<Approval[]>([]);
export const pauses = signal<Pause[]>([]);
/** Messages that are kept back before they reach their recipients, the oldest first, and how many more there are. */
export const held = signal<Held[]>([]);
export const heldMore = signal(0);
/** The newest questions, of which `ask` tells how each stands. */
export const questions = signal<FoundMessage[]>([]);
/** Goes on every few seconds: what shows an age reads it. Epoch milliseconds. */
export const now = signal(Date.now());

export const sessions = computed(() => peers.value.filter(({ role }) => role === "agent" || role === "orchestrator"));
export const openQuestions = computed(() => questions.value.filter(({ ask }) => ask === "open"));
export const questionsToMe = computed(() => {
  const mine = me.value?.id;
  return openQuestions.value.filter(({ to }) => to.some(({ peer_id }) => peer_id === mine));
});
/** Sessions that wait for their person, and whose request did not come here: it can be decided only where they run. */
export const waitingElsewhere = computed(() =>
  peers.value.filter(
    ({ id, presence }) => presence.state === "waiting" && !approvals.value.some((approval) => approval.peer === id),
  ),
);
export const waitCount = computed(
  () =>
    approvals.value.length +
    pauses.value.length +
    questionsToMe.value.length +
    held.value.length +
    heldMore.value +
    waitingElsewhere.value.length,
);

const SOON_MS = 200;
const QUESTIONS_SHOWN = 200;
const AGE_EVERY_MS = 5_000;

const failed = (error: unknown) => {
  if (isOut(error)) return loggedOut(error);
  // A lost connection is shown as such, and healed by the stream.
  if (!(error instanceof Refusal) || error.code !== "unreachable") say(String((error as Error).message), "refused");
};

const loads = {
  peers: createRefresher(
    async () => {
      peers.value = (await call("peers", { include_offline: true })).peers;
    },
    SOON_MS,
    failed,
  ),
  approvals: createRefresher(
    async () => {
      approvals.value = (await call("approvals", {})).approvals;
    },
    50,
    failed,
  ),
  pauses: createRefresher(
    async () => {
      pauses.value = (await call("pauses", {})).pauses;
    },
    SOON_MS,
    failed,
  ),
  held: createRefresher(
    async () => {
      const found = await call("held", {});
      held.value = found.held;
      heldMore.value = found.more;
    },
    SOON_MS,
    failed,
  ),
  questions: createRefresher(
    async () => {
      questions.value = (await call("history", { kind: "ask", limit: QUESTIONS_SHOWN })).messages;
    },
    SOON_MS,
    failed,
  ),
};

/** Everything else may be otherwise a moment later. */
const isOut = (error: unknown): error is Refusal =>
  error instanceof Refusal && (error.code === "unauthorized" || error.code === "human_required");

const listeners = new Set<(event: MeshEvent) => void>();
const reopened = new Set<() => void>();

/** With every event from now on; `onReopen` after each time that the connection was lost. Returns what ends it. */
export function onEvents(listener: (event: MeshEvent) => void, onReopen: () => void = () => {}): () => void {
  listeners.add(listener);
  reopened.add(onReopen);
  return () => {
    listeners.delete(listener);
    reopened.delete(onReopen);
  };
}

function take(event: MeshEvent): void {
  const [subject] = event.type.split(".");
  if (event.type === "peer.presence") showPresence(event);
  if (subject === "peer") loads.peers.trigger();
  if (subject === "delivery") loads.peers.trigger();
  if (subject === "approval") loads.approvals.trigger();
  if (event.type === "delivery.held" || isOfHeld(event)) loads.held.trigger();
  if (subject === "guard") loads.pauses.trigger();
  if (subject === "ask" || (event.type === "message.accepted" && event.data.kind === "ask")) loads.questions.trigger();
  for (const listener of listeners) listener(event);
}

/** Whatever becomes of a held message, in whichever place, it is told as the next move of its delivery. */
const isOfHeld = ({ type, message }: MeshEvent): boolean =>
  type.startsWith("delivery.") && held.value.some((one) => one.message === message);

/** The event says all of it: shown at once, while the rest of the peer is loaded. */
function showPresence(event: MeshEvent): void {
  const { state, since, detail, until } = event.data as Partial<Presence>; // as core writes this event
  if (!state || since === undefined) return;
  peers.value = peers.value.map((peer) =>
    peer.id === event.peer
      ? { ...peer, presence: { state, since, detail, until, transition: peer.presence.transition } }
      : peer,
  );
}

let epoch = "";
let stop: (() => void) | undefined;

/** Loads what there is and follows what happens, until the browser is logged out. */
export async function connect(): Promise<void> {
  stop?.();
  try {
    const start = await call("events", { after: 0, limit: 1 });
    me.value = (await call("whoami", {})).peer;
    epoch = start.epoch;
    stop = followEvents(start.newest, {
      onEvent: (event) => batch(() => take(event)),
      onOpen: (opened) => void open(opened),
      onLost() {
        connection.value = "lost";
      },
      onRefused: loggedOut,
    });
  } catch (error) {
    if (isOut(error)) return loggedOut(error);
    connection.value = "lost";
    setTimeout(() => void connect(), 1_000);
  }
}

async function open(opened: string): Promise<void> {
  // Another database than before: its events have other numbers, and what is shown is of the old one.
  if (opened !== epoch) {
    location.reload();
    return;
  }
  const wasLost = connection.value === "lost";
  await Promise.all(Object.values(loads).map((load) => load.now()));
  connection.value = "live";
  if (wasLost) for (const listener of reopened) listener();
}

export function loggedOut(why: Refusal): void {
  stop?.();
  if (why.code === "unauthorized") forgetLogin();
  outReason.value = why.message;
  connection.value = "out";
}

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, AGE_EVERY_MS);
