import { decideApproval, publicApproval } from "../core/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

const SHOWN_MAX = 200;

export function approvalsHandler(deps: OperationDeps): Handler<"approvals"> {
  return async ({ params }) =>
    deps.engine.read((ctx) => {
      const found = params.all ? ctx.tx.approvals.all(SHOWN_MAX) : ctx.tx.approvals.pending();
      return { approvals: found.map(publicApproval) };
    });
}

export function decideHandler(deps: OperationDeps): Handler<"decide"> {
  return ({ caller, params }) =>
    deps.engine.run((ctx) => ({
      approval: publicApproval(decideApproval(ctx, caller, params.id, params.verdict, params.reason)),
    }));
}
