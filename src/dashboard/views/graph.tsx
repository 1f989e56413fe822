import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { MeshEvent, Peer } from "../../protocol/index.ts";
import { onEvents } from "../live/mesh.ts";

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
const WIDTH = 640;
const HEIGHT = 220;
const NAME_CHARS = 14;
let next = 1;

/** The same as the list below it, as a picture: it says nothing that the list does not, so it is left out for screen readers. */
export function Graph({ peers }: { peers: readonly Peer[] }) {
  useEffect(() => {
    const senders = new Map<string, string>();
    return onEvents((event) => take(event, senders));
  }, []);
  if (peers.length < 2) return null;
  const places = new Map(peers.map((peer, index) => [peer.id, placeOf(index, peers.length)]));
  return (
    <svg class="graph" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" focusable="false">
      {passing.value.map(({ key, from, to }) => {
        const [a, b] = [places.get(from), places.get(to)];
        return a && b ? <line key={key} class="passing" x1={a.x} y1={a.y} x2={b.x} y2={b.y} /> : null;
      })}
      {peers.map((peer) => {
        const at = places.get(peer.id);
        return at ? (
          <g key={peer.id} class={`node ${peer.presence.state}`}>
            <circle cx={at.x} cy={at.y} r="9" />
            <text x={at.x} y={at.y + 25}>
              {peer.name.length > NAME_CHARS ? `${peer.name.slice(0, NAME_CHARS - 1)}…` : peer.name}
            </text>
          </g>
        ) : null;
      })}
    </svg>
  );
}

function placeOf(index: number, count: number): { x: number; y: number } {
  const angle = (2 * Math.PI * index) / count - (count === 2 ? Math.PI : Math.PI / 2);
  return { x: WIDTH / 2 + Math.cos(angle) * (WIDTH / 2 - 70), y: HEIGHT / 2 - 8 + Math.sin(angle) * (HEIGHT / 2 - 34) };
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
