import type { Handler, OperationDeps } from "./types.ts";

/** What only the dashboard's door and page need. */

export function loginLinkHandler(deps: OperationDeps): Handler<"login_link"> {
  return async ({ caller }) => deps.loginLink(caller.chain ?? "an unknown process");
}

export function spawnOptionsHandler(deps: OperationDeps): Handler<"spawn_options"> {
  return async () => deps.spawnOptions;
}
