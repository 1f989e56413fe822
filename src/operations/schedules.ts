import {
  addSchedule,
  chainOf,
  dueSchedules,
  publicSchedule,
  refuseSchedule,
  removeSchedule,
  resolvePeer,
  scheduleNamed,
  schedulesFor,
  seatOf,
  sendScheduled,
} from "../core/index.ts";
import { type Handle, RepowireError } from "../protocol/index.ts";
import { runSending } from "./guarded.ts";
import { readWhen } from "./schedule-when.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** Messages for later: made, listed, removed, and sent when their time has come. */

/** How a sender names itself as the recipient. */
const SELF = "self";
/** Sent in one look; the others follow a second later. */
const AT_ONCE_MAX = 50;

export function scheduleHandler(deps: OperationDeps): Handler<"schedule"> {
  return ({ caller, params }) =>
    deps.engine.run((ctx) => {
      const from = seatOf(ctx, caller);
      const to = params.peer.trim().toLowerCase() === SELF ? from : resolvePeer(ctx, from, params.peer);
      const record = addSchedule(ctx, deps.calendar, {
        from,
        to,
        text: params.text,
        kind: params.kind ?? "notify",
        urgency: params.urgency ?? "normal",
        trigger: readWhen(ctx, deps.calendar, { when: params.when, zone: params.zone, from }),
        missed: params.missed,
        chain: chainOf(ctx, from),
      });
      return { schedule: publicSchedule(ctx, record) };
    });
}

export function schedulesHandler(deps: OperationDeps): Handler<"schedules"> {
  return async ({ caller }) =>
    deps.engine.read((ctx) => ({
      schedules: schedulesFor(ctx, caller).map((record) => publicSchedule(ctx, record)),
    }));
}

export function unscheduleHandler(deps: OperationDeps): Handler<"unschedule"> {
  return ({ caller, params }) =>
    deps.engine.run((ctx) => {
      const record = scheduleNamed(ctx, caller, params.id);
      if (!record)
        throw new RepowireError(
          "handle_unknown",
          `${params.id} is no scheduled message of yours. \`repowire schedule list\` shows them.`,
        );
      removeSchedule(ctx, caller, record);
      return { schedule: publicSchedule(ctx, record) };
    });
}

/** Sends what is due. Called about once a second. What the disk cannot take now stays due. */
export async function sendDue(deps: Pick<OperationDeps, "engine" | "calendar">): Promise<void> {
  const due = deps.engine.read((ctx) => dueSchedules(ctx, AT_ONCE_MAX));
  await Promise.all(due.map((id) => sendOne(deps, id)));
}

async function sendOne(deps: Pick<OperationDeps, "engine" | "calendar">, id: Handle): Promise<void> {
  const maker = deps.engine.read((ctx) => ctx.tx.shelves.schedule.get(id)?.from);
  if (maker === undefined) return;
  try {
    await runSending(deps, maker, (ctx) => sendScheduled(ctx, deps.calendar, id));
  } catch (error) {
    if (!(error instanceof RepowireError)) throw error;
    if (STAYS_DUE.has(error.code)) return;
    await deps.engine.run((ctx) => refuseSchedule(ctx, deps.calendar, id, error.message));
  }
}

/** Nothing was stored, and nothing can be, until the disk or the load lets it. */
const STAYS_DUE: ReadonlySet<string> = new Set(["storage_full", "storage_failed", "overloaded"]);
