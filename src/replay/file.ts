import {
  type Ask,
  type Delivery,
  EXPORT_FORMAT,
  EXPORT_VERSION,
  type ExportedMessage,
  type ExportedPeer,
  type ExportHeader,
  ExportLine,
  type MeshEvent,
  RepowireError,
} from "../protocol/index.ts";

/** A run as it was recorded. */
export interface Run {
  header: ExportHeader;
  peers: ExportedPeer[];
  messages: ExportedMessage[];
  deliveries: Delivery[];
  asks: Ask[];
  /** In the order of their numbers. */
  events: MeshEvent[];
}

/** Reads an exported run. Throws a `RepowireError` that names the line where it is not one, or was cut off. */
export function parseRun(text: string, name: string): Run {
  const lines = text.split("\n").filter((line) => line !== "");
  const [first, ...rest] = lines.map((line, index) => parseLine(line, index + 1, name));
  if (first?.type !== "export") throw refuse(name, 1, "does not begin with the header of an export");
  const run: Run = { header: first, peers: [], messages: [], deliveries: [], asks: [], events: [] };
  for (const [index, line] of rest.entries()) take(run, line, index + 2, name);
  const last = rest.at(-1);
  if (last?.type !== "end" || last.lines !== lines.length)
    throw refuse(name, lines.length, "is the last, but not the end: the file was cut off. Export it again");
  run.events.sort((a, b) => a.seq - b.seq);
  return run;
}

function parseLine(text: string, at: number, name: string): ExportLine {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refuse(name, at, "is not JSON");
  }
  const parsed = ExportLine.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const isOther = at === 1 && issue?.path[0] === "version";
  throw refuse(
    name,
    at,
    isOther
      ? `is of another version of ${EXPORT_FORMAT} than ${EXPORT_VERSION}, which this repowire reads`
      : `is not one of an export (${issue?.path.join(".") || "type"}: ${issue?.message ?? "not valid"})`,
  );
}

function take(run: Run, line: ExportLine, at: number, name: string): void {
  switch (line.type) {
    case "export":
      throw refuse(name, at, "is a second header");
    case "peer":
      return void run.peers.push(line.peer);
    case "message":
      return void run.messages.push(line.message);
    case "delivery":
      return void run.deliveries.push(line.delivery);
    case "ask":
      return void run.asks.push(line.ask);
    case "event":
      return void run.events.push(line.event);
    case "end":
      return;
    default:
      line satisfies never;
  }
}

function refuse(name: string, line: number, what: string): RepowireError {
  return new RepowireError("invalid_input", `${name}: line ${line} ${what}. \`repowire export\` writes such files.`);
}
