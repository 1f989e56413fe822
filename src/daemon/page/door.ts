import type { Hono } from "hono";
import { logger } from "../../platform/log.ts";
import { fromZod, HTTP_PATHS, LIMITS, type LoginReply, LoginRequest, RepowireError } from "../../protocol/index.ts";
import { type RequestEnv, readJson } from "../app.ts";
import { pageFiles, type ServedFile } from "./files.ts";
import { cookieName, type Logins } from "./logins.ts";

/**
 * The page runs only what this daemon serves as a file: no inline script or style, nothing of another host, no frame around it, no
 * form that goes anywhere.
 */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const PAGE_HEADERS = {
  "content-security-policy": PAGE_POLICY,
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
};

const ONE_YEAR_S = 31_536_000;
const log = logger("dashboard");

export interface DoorParts {
  logins: Logins;
  /** The port that the daemon listens on: known once it does. */
  port(): number;
}

/** What is open without any credential: the page, which says nothing of this machine, and the way to log in. */
export function addDoor(app: Hono<RequestEnv>, parts: DoorParts): void {
  const files = pageFiles();

  app.get(HTTP_PATHS.page, async (context) => serveFile((await files()).get("/"), context.req.raw));
  for (const path of ["/manifest.webmanifest", "/icon.svg", "/sw.js", "/assets/:name"])
    app.get(path, async (context) => serveFile((await files()).get(context.req.path), context.req.raw));

  app.post(HTTP_PATHS.login, async (context) => {
    const parsed = LoginRequest.safeParse(await readJson(context.req.raw));
    if (!parsed.success) throw fromZod(parsed.error, "login");
    const { record, cookie, page } = await parts.logins.redeem(parsed.data.code);
    log.info("a browser was logged in", { login: record.id, made_by: record.made_by });
    const secure = context.req.raw.headers.get("origin")?.startsWith("https:") ? "; Secure" : "";
    context.header("set-cookie", setCookie(parts.port(), cookie, LIMITS.loginMs / 1_000) + secure);
    context.header("cache-control", "no-store");
    return context.json({ page, expires_at: record.expires_at } satisfies LoginReply);
  });

  app.post(HTTP_PATHS.logout, async (context) => {
    const record = parts.logins.of(context.req.raw, parts.port());
    if (!record) throw new RepowireError("unauthorized", "This browser is not logged in.");
    await parts.logins.end(record.id);
    log.info("a browser was logged out", { login: record.id });
    context.header("set-cookie", setCookie(parts.port(), "", 0));
    return context.json({});
  });
}

const setCookie = (port: number, value: string, seconds: number): string =>
  `${cookieName(port)}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict`;

function serveFile(file: ServedFile | undefined, request: Request): Response {
  if (!file) throw new RepowireError("not_found", "The page has no such file. Load it again: repowire was updated.");
  const path = new URL(request.url).pathname;
  const zips = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  return new Response(zips ? file.gzip : file.plain, {
    headers: {
      ...PAGE_HEADERS,
      "content-type": file.type,
      vary: "accept-encoding",
      // Names under /assets change with what they hold.
      "cache-control": path.startsWith("/assets/") ? `public, max-age=${ONE_YEAR_S}, immutable` : "no-cache",
      ...(zips ? { "content-encoding": "gzip" } : {}),
    },
  });
}
