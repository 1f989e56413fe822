import { HTTP_PATHS } from "../../protocol/endpoints.ts";
import type { Health } from "../../protocol/index.ts";
import { headers, refusalOf } from "./api.ts";

/** How the daemon is, by its own account. */
export async function loadHealth(): Promise<Health> {
  const response = await fetch(HTTP_PATHS.health, { headers: headers() });
  // A daemon that is not well says so with the same document.
  if (!response.ok && response.status !== 503) throw await refusalOf(response);
  return (await response.json()) as Health; // as the daemon makes it
}
