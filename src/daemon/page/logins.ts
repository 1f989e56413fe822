import { createHash } from "node:crypto";
import type { Engine, LoginRecord } from "../../core/index.ts";
import { newSecret } from "../../platform/ids.ts";
import { sameSecret } from "../../platform/token.ts";
import { LIMITS, LOGIN_FRAGMENT, PAGE_HEADER, RepowireError } from "../../protocol/index.ts";

/**
 * Browsers that a person has logged in. A login has two halves: the cookie, which no script can read, and a secret of the page's own,
 * which no browser sends by itself. Cookies are sent to every port of a host, so one alone would be worth something to any other
 * server on this machine that the person visits.
 */
export interface Logins {
  /** A one-time code for a link; `madeBy` is the process chain that asked for it. */
  issue(madeBy: string): { code: string; expiresAt: number };
  /** Trades a code for a login. Refused when it is unknown, too old, or was used. */
  redeem(code: string): Promise<{ record: LoginRecord; cookie: string; page: string }>;
  /** The login of a request that carries both halves; undefined when either is missing, wrong or too old. */
  of(request: Request, port: number): LoginRecord | undefined;
  end(id: string): Promise<void>;
}

export interface LoginsParts {
  engine: Engine;
  /** Epoch milliseconds. */
  now?: () => number;
}

export function createLogins({ engine, now = Date.now }: LoginsParts): Logins {
  /** By the code's hash, oldest first. Gone with the daemon: a link is for now. */
  const links = new Map<string, { madeBy: string; expiresAt: number }>();

  return {
    issue(madeBy) {
      const code = newSecret();
      const expiresAt = now() + LIMITS.loginLinkMs;
      links.set(hash(code), { madeBy, expiresAt });
      for (const [key, link] of links)
        if (link.expiresAt <= now() || links.size > LIMITS.loginLinksMax) links.delete(key);
      return { code, expiresAt };
    },
    async redeem(code) {
      const link = links.get(hash(code));
      links.delete(hash(code));
      if (!link || link.expiresAt <= now()) throw usedLink();
      const [cookie, page] = [newSecret(), newSecret()];
      const record: LoginRecord = {
        id: newSecret().slice(0, 12),
        cookie_hash: hash(cookie),
        page_hash: hash(page),
        made_by: link.madeBy,
        created_at: now(),
        expires_at: now() + LIMITS.loginMs,
      };
      await engine.run((ctx) => {
        const known = [...ctx.tx.shelves.login.all()].sort((a, b) => a.created_at - b.created_at);
        const tooMany = known.length + 1 - LIMITS.loginsMax;
        for (const [at, old] of known.entries())
          if (old.expires_at <= now() || at < tooMany) ctx.tx.shelves.login.remove(old.id);
        ctx.tx.shelves.login.put(record.id, record);
      });
      return { record, cookie: `${record.id}.${cookie}`, page };
    },
    of(request, port) {
      const [id, cookie] = cookieOf(request, cookieName(port))?.split(".") ?? [];
      const page = request.headers.get(PAGE_HEADER);
      if (!id || !cookie || !page) return undefined;
      const record = engine.read((ctx) => ctx.tx.shelves.login.all().find((known) => known.id === id));
      if (!record || record.expires_at <= now()) return undefined;
      return sameSecret(hash(cookie), record.cookie_hash) && sameSecret(hash(page), record.page_hash)
        ? record
        : undefined;
    },
    end: (id) => engine.run((ctx) => ctx.tx.shelves.login.remove(id)),
  };
}

const usedLink = () =>
  new RepowireError(
    "unauthorized",
    "This link was used already, or is too old: each one logs in one browser, once. Run `repowire dashboard` for a new one.",
  );

const hash = (secret: string): string => createHash("sha256").update(secret).digest("base64url");

/** Two daemons on one machine share a host, and so its cookies. */
export const cookieName = (port: number): string => `repowire-${port}`;

export const loginUrl = (origin: string, code: string): string => `${origin}/#${LOGIN_FRAGMENT}${code}`;

function cookieOf(request: Request, name: string): string | undefined {
  for (const part of (request.headers.get("cookie") ?? "").split(";")) {
    const [key, value] = part.trim().split("=");
    if (key === name && value) return value;
  }
  return undefined;
}
