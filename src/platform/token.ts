import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, readFileSync } from "node:fs";
import { writeFileAtomic } from "./files.ts";
import { homePaths } from "./paths.ts";

/** The user's bootstrap token: whoever can read this 0600 file is this user. It is exchanged for narrower credentials. */

export function readToken(home: string): string | undefined {
  try {
    const token = readFileSync(homePaths(home).token, "utf8").trim();
    return token === "" ? undefined : token;
  } catch {
    // Not made yet: the daemon makes it at its first start.
    return undefined;
  }
}

export function ensureToken(home: string): string {
  const known = readToken(home);
  const file = homePaths(home).token;
  if (known) {
    chmodSync(file, 0o600);
    return known;
  }
  const token = `rw_${randomBytes(32).toString("base64url")}`;
  writeFileAtomic(file, `${token}\n`, 0o600);
  return token;
}

/**
 * A credential for one purpose, derived from the token: configurations of other programs carry it instead of the token itself. Who
 * reads it can do that one thing; the token cannot be found from it, and a new token makes it void.
 */
export function scopedToken(token: string, scope: string): string {
  return `rws_${createHmac("sha256", token).update(`repowire:${scope}`).digest("base64url")}`;
}

/** Opens `/mcp` and nothing else, for Codex's configuration. */
export const CODEX_MCP_SCOPE = "mcp:codex";

export function sameSecret(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
