import type { MeshEvent } from "../protocol/index.ts";
import { commandFor } from "./commands.ts";
import { compareStates } from "./compare.ts";
import type { Run } from "./file.ts";
import { createJourney, type Journey } from "./journey.ts";
import { createReplayMesh, type ReplayMesh } from "./mesh.ts";

/** One recorded event: what came in, what core made of it by itself, or what is not replayed. */
export interface Step {
  event: MeshEvent;
  kind: "input" | "consequence" | "noted";
  difference?: string;
}

export interface Replayed {
  steps: Step[];
  /** Between the records that the file ends with and those that the replay ended with. */
  differences: string[];
  ok: boolean;
}

/**
 * Goes through the recorded events in order. An event that nothing explains yet is an input: what must have happened is done again,
 * by the real core, in memory. What core then writes by itself must be what is recorded next, and where everything ends must be where
 * it ended. The same file gives the same result, always.
 */
export function replay(run: Run): Replayed {
  const told = run.events.filter(isReplayed);
  const mesh = createReplayMesh(run);
  const journey = createJourney(run, told);
  const steps = new Map<number, Step>();
  for (let event = journey.next(); event; event = journey.next()) replayOne(event, journey, mesh, steps);
  const all = run.events.map((event) => steps.get(event.seq) ?? { event, kind: "noted" as const });
  const differences = compareStates(run, mesh);
  return { steps: all, differences, ok: differences.length === 0 && all.every(({ difference }) => !difference) };
}

/** Messages, their deliveries and questions; sessions, approvals and the daemon itself are told, but not replayed. */
function isReplayed({ type }: MeshEvent): boolean {
  return /^(?:message|delivery|ask)\./.test(type);
}

function replayOne(event: MeshEvent, journey: Journey, mesh: ReplayMesh, steps: Map<number, Step>): void {
  const command = event.type === "ask.overlooked" ? undefined : commandFor(event, journey, mesh);
  if (!command) {
    steps.set(event.seq, { event, kind: "noted" });
    journey.skip(1);
    return;
  }
  let made: MeshEvent[] = [];
  let refusal: string | undefined;
  try {
    made = mesh.decide(event.at, journey.ids(), command).filter(isReplayed);
  } catch (error) {
    // A refusal of core, or a record that is missing: either way this did not happen again.
    refusal = error instanceof Error ? error.message : String(error);
  }
  if (made.length === 0) {
    const difference = refusal ?? "core changes nothing here: the move is not legal, or was made already";
    steps.set(event.seq, { event, kind: "input", difference });
    journey.skip(1);
    return;
  }
  for (const [offset, own] of made.entries()) {
    const recorded = journey.peek(offset);
    const difference = recorded ? compareEvents(recorded, own) : `core writes ${describe(own)} behind the end`;
    const kind = offset === 0 ? "input" : "consequence";
    if (recorded) steps.set(recorded.seq, { event: recorded, kind, difference });
    // What follows from a difference is none of its own: from there the record goes on as input.
    if (difference) return journey.skip(offset === 0 ? 1 : offset + (recorded ? 1 : 0));
  }
  journey.skip(made.length);
}

/** Names may have changed since; who that is, is told by the ids. */
const COMPARED = ["handle", "attempt", "rung", "reason", "by", "kind", "bytes", "urgency", "why"] as const;

function compareEvents(recorded: MeshEvent, own: MeshEvent): string | undefined {
  const same =
    recorded.type === own.type &&
    recorded.peer === own.peer &&
    recorded.message === own.message &&
    recorded.at === own.at &&
    COMPARED.every((key) => (recorded.data[key] ?? undefined) === (own.data[key] ?? undefined));
  return same ? undefined : `core writes ${describe(own)}, recorded is ${describe(recorded)}`;
}

function describe({ type, message, peer, data }: MeshEvent): string {
  const facts = COMPARED.flatMap((key) => (data[key] === undefined ? [] : [`${key}=${String(data[key])}`]));
  return [type, message, peer, ...facts].join(" ");
}
