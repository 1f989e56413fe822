import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { MeshEvent, Peer } from "../../protocol/index.ts";
import { onEvents } from "../live/mesh.ts";
import { MeshPicture } from "../parts/mesh-picture.tsx";

/** Messages as they pass, newest last: who sent to whom, and when it came (ms of the page's clock). */
interface Passing {
  key: number;
  from: string;
  to: string;
}

const passing = signal<Passing[]>([]);
/** An edge is lit so long. */
const LIT_MS = 1_600;
const LIT_MAX = 40;
const KNOWN_MAX = 200;
let next = 1;

/** The same as the list below it, as a picture: it says nothing that the list does not, so it is left out for screen readers. */
export function Graph({ peers }: { peers: readonly Peer[] }) {
  useEffect(() => {
    const senders = new Map<string, string>();
    return onEvents((event) => take(event, senders));
  }, []);
  if (peers.length < 2) return null;
  const nodes = peers.map(({ id, name, presence }) => ({ id, name, state: presence.state }));
  return <MeshPicture nodes={nodes} lines={passing.value.map((one) => ({ ...one, class: "passing" }))} />;
}

function take(event: MeshEvent, senders: Map<string, string>): void {
  if (!event.message || !event.peer) return;
  if (event.type === "message.accepted") {
    senders.set(event.message, event.peer);
    for (const oldest of senders.keys()) if (senders.size > KNOWN_MAX) senders.delete(oldest);
  }
  const from = senders.get(event.message);
  if (event.type !== "delivery.queued" || !from) return;
  const lit = { key: next++, from, to: event.peer };
  passing.value = [...passing.value, lit].slice(-LIT_MAX);
  setTimeout(() => {
    passing.value = passing.value.filter((one) => one !== lit);
  }, LIT_MS);
}
