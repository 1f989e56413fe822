import type { Caller } from "../core/caller.ts";
import {
  type CallOptions,
  fromZod,
  isOperation,
  OPERATIONS,
  type OperationName,
  type OperationOutput,
  RepowireError,
  type Role,
} from "../protocol/index.ts";
import { approvalsHandler, decideHandler } from "./approvals.ts";
import { askHandler } from "./ask.ts";
import { askSeveralHandler } from "./ask-several.ts";
import { attachHandler, attachmentHandler } from "./attachments.ts";
import { daemonLogHandler, examineHandler, samplesHandler } from "./daemon-view.ts";
import { loginLinkHandler, spawnOptionsHandler } from "./dashboard.ts";
import { discoverHandler } from "./discover.ts";
import { exportHandler } from "./export.ts";
import { historyHandler, searchHandler } from "./find.ts";
import { circleInboundHandler, decideHeldHandler, heldHandler, quietHandler } from "./gate.ts";
import { inboxHandler } from "./inbox.ts";
import { killHandler } from "./kill.ts";
import { mismatchesHandler } from "./mismatches.ts";
import { nightHandler } from "./night.ts";
import { paneHandler } from "./pane.ts";
import { pausesHandler, resumeHandler } from "./pauses.ts";
import {
  describeHandler,
  moveHandler,
  peersHandler,
  renameHandler,
  setInboundHandler,
  setRoleHandler,
  whoamiHandler,
} from "./peers.ts";
import { probeHandler } from "./probe.ts";
import { eventsHandler, purgeHandler, traceHandler } from "./records.ts";
import { replyHandler } from "./reply.ts";
import { restartHandler } from "./restart.ts";
import { scheduleHandler, schedulesHandler, unscheduleHandler } from "./schedules.ts";
import { broadcastHandler, notifyHandler } from "./send.ts";
import { spawnHandler } from "./spawn.ts";
import { turnsHandler } from "./turns.ts";
import type { Handler, Handlers, OperationDeps } from "./types.ts";
import { removeWorktreeHandler, trustRepositoryHandler, worktreesHandler } from "./worktrees.ts";

export { keepAttachments } from "./attachments.ts";
export { fileName } from "./file-name.ts";
export { sendDue } from "./schedules.ts";
export { withdrawCall } from "./several-ids.ts";
export type { OperationDeps } from "./types.ts";
export { createWaits, type Waits } from "./waits.ts";

/** Every operation behind every door: parses, checks the right to call, runs. */
export interface Operations {
  call<Name extends OperationName>(
    name: Name,
    input: unknown,
    caller: Caller,
    options?: CallOptions,
  ): Promise<OperationOutput<Name>>;
}

export function createOperations(deps: OperationDeps, epoch: string): Operations {
  const restart = restartHandler(deps);
  const peers = peersHandler(deps);
  const probe = probeHandler(deps);
  const handlers: Handlers = {
    ask: askHandler(deps),
    ask_several: askSeveralHandler(deps),
    reply: replyHandler(deps),
    notify: notifyHandler(deps),
    broadcast: broadcastHandler(deps),
    peers,
    describe: describeHandler(deps),
    whoami: whoamiHandler(deps),
    inbox: inboxHandler(deps),
    login_link: loginLinkHandler(deps),
    spawn_options: spawnOptionsHandler(deps),
    rename: renameHandler(deps),
    set_inbound: setInboundHandler(deps),
    circle_inbound: circleInboundHandler(deps),
    quiet: quietHandler(deps),
    held: heldHandler(deps),
    decide_held: decideHeldHandler(deps),
    set_role: setRoleHandler(deps),
    mismatches: mismatchesHandler(deps),
    attach: attachHandler(deps),
    attachment: attachmentHandler(deps),
    schedule: scheduleHandler(deps),
    schedules: schedulesHandler(deps),
    unschedule: unscheduleHandler(deps),
    pauses: pausesHandler(deps),
    resume: resumeHandler(deps),
    approvals: approvalsHandler(deps),
    decide: decideHandler(deps),
    trace: traceHandler(deps),
    events: eventsHandler(deps, epoch),
    search: searchHandler(deps),
    history: historyHandler(deps),
    night: nightHandler(deps),
    export: exportHandler(deps, epoch),
    discover: discoverHandler(deps),
    probe,
    try_notifier: () => deps.tryNotifier(),
    purge: purgeHandler(deps),
    turns: turnsHandler(deps),
    examine: examineHandler(deps, { peers, probe }),
    samples: samplesHandler(deps),
    daemon_log: daemonLogHandler(deps),
    spawn: spawnHandler(deps),
    kill: killHandler(deps, restart),
    restart,
    worktrees: worktreesHandler(deps),
    remove_worktree: removeWorktreeHandler(deps),
    trust_repository: trustRepositoryHandler(deps),
    pane: paneHandler(deps),
    move: moveHandler(deps),
  };
  return {
    async call(name, input, caller, options = {}) {
      if (!isOperation(name))
        throw new RepowireError(
          "unknown_operation",
          `There is no operation "${String(name)}". docs/protocol.md lists them.`,
        );
      authorize(name, caller);
      const parsed = OPERATIONS[name].input.safeParse(input ?? {});
      if (!parsed.success) throw fromZod(parsed.error, name);
      // `name` selects handler and parameters together; TypeScript cannot follow that through the table.
      const handler = handlers[name] as Handler<typeof name>;
      return handler({ caller, params: parsed.data as never, options });
    },
  };
}

function authorize(name: OperationName, caller: Caller): void {
  const operation = OPERATIONS[name];
  const roles: readonly Role[] = operation.callers;
  if ("human" in operation && !caller.isHuman) {
    throw new RepowireError(
      "human_required",
      `Only a person may do that: run it in a terminal of your own, outside any agent session (you are "${caller.role}" here).`,
    );
  }
  if (!roles.includes(caller.role)) {
    throw new RepowireError(
      "forbidden",
      `"${name}" is not for the role "${caller.role}" (it is for ${roles.join(", ")}).`,
    );
  }
}
