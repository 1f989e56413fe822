import { visible } from "../live/markdown.ts";

export interface PictureNode {
  id: string;
  name: string;
  /** A presence, or what else the styles know. */
  state: string;
}

export interface PictureLine {
  key: string | number;
  from: string;
  to: string;
  class: string;
}

const WIDTH = 640;
const HEIGHT = 220;
const NAME_CHARS = 14;

/** Peers in a ring, and lines between them. It says nothing that does not stand beside it as text, so screen readers are spared it. */
export function MeshPicture({ nodes, lines }: { nodes: readonly PictureNode[]; lines: readonly PictureLine[] }) {
  const places = new Map(nodes.map(({ id }, index) => [id, placeOf(index, nodes.length)]));
  return (
    <svg class="graph" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" focusable="false">
      {lines.map(({ key, from, to, class: name }) => {
        const [a, b] = [places.get(from), places.get(to)];
        return a && b ? <line key={key} class={name} x1={a.x} y1={a.y} x2={b.x} y2={b.y} /> : null;
      })}
      {nodes.map(({ id, name, state }) => {
        const at = places.get(id);
        const shown = visible(name);
        return at ? (
          <g key={id} class={`node ${state}`}>
            <circle cx={at.x} cy={at.y} r="9" />
            <text x={at.x} y={at.y + 25}>
              {shown.length > NAME_CHARS ? `${shown.slice(0, NAME_CHARS - 1)}…` : shown}
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
