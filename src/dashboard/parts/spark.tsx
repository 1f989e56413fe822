/** A small chart of one number over time. What it shows stands beside it in words as well; the drawing has a short name of its own. */

const WIDTH = 240;
const HEIGHT = 44;
const EDGE = 3;

export interface SparkProps {
  /** The newest last; where there was nothing to measure, nothing is drawn. */
  values: readonly (number | undefined)[];
  /** How many there are room for: a chart that fills up grows from the right. */
  room: number;
  label: string;
}

export function Spark({ values, room, label }: SparkProps) {
  const most = Math.max(1e-9, ...values.map((value) => value ?? 0));
  const lines = linesOf(values, room, most);
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <line class="spark-base" x1="0" x2={WIDTH} y1={HEIGHT - EDGE} y2={HEIGHT - EDGE} />
      {lines.map((points) => (
        // A line of one point is drawn by its round ends.
        <polyline key={points[0]} points={[...points, points.at(-1)].join(" ")} />
      ))}
    </svg>
  );
}

/** Stretches of the line, each without a gap, as points in the drawing. */
export function linesOf(values: readonly (number | undefined)[], room: number, most: number): string[][] {
  const step = WIDTH / Math.max(1, room - 1);
  const lines: string[][] = [];
  let line: string[] | undefined;
  for (const [index, value] of values.entries()) {
    if (value === undefined) {
      line = undefined;
      continue;
    }
    const x = WIDTH - (values.length - 1 - index) * step;
    const y = HEIGHT - EDGE - (value / most) * (HEIGHT - 2 * EDGE);
    const point = `${x.toFixed(1)},${y.toFixed(1)}`;
    if (line) line.push(point);
    else {
      line = [point];
      lines.push(line);
    }
  }
  return lines;
}
