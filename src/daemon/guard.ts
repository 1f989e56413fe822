import { HOST, HTTP_PATHS, RepowireError } from "../protocol/index.ts";

/**
 * Keeps web pages out, on HTTP and WebSocket alike. A browser always sends `Origin` across sites and cannot fake `Host`, so a
 * page of another site, also one that rebinds its name to 127.0.0.1, is told no before anything else is looked at.
 */
export function checkOrigin(request: Request, port: number, publicOrigin?: string): void {
  const names = [HOST, "localhost", "[::1]"].map((name) => `${name}:${port}`);
  const origins = [...names.map((name) => `http://${name}`), ...(publicOrigin ? [publicOrigin] : [])];
  const host = (request.headers.get("host") ?? "").toLowerCase();
  if (!names.includes(host) && !isPublicHost(request, publicOrigin)) {
    throw new RepowireError(
      "foreign_origin",
      `Requests for the host "${host.slice(0, 100)}" are refused; this daemon answers only to ${HOST}:${port}.`,
    );
  }
  const origin = request.headers.get("origin");
  if (origin !== null && !origins.includes(origin)) {
    throw new RepowireError("foreign_origin", `Requests from the web page "${origin.slice(0, 100)}" are refused.`);
  }
  // An image, a script or a form's GET carries no `Origin`; browsers say for these, too, where they come from.
  const site = request.headers.get("sec-fetch-site");
  if (isOpenedPage(request)) return;
  if (site !== null && site !== "same-origin" && site !== "none") {
    throw new RepowireError("foreign_origin", "Requests from a web page of another site are refused.");
  }
}

/** Whether it was sent to the address under which the user's own proxy passes requests on. */
export function isPublicHost(request: Request, publicOrigin: string | undefined): boolean {
  return publicOrigin !== undefined && request.headers.get("host")?.toLowerCase() === new URL(publicOrigin).host;
}

/**
 * Somebody opened the dashboard itself, by a link: from a file, a mail, a chat. The page says nothing of this machine, may be put into
 * no frame, and gets its cookie only for what it asks for itself.
 */
const isOpenedPage = (request: Request): boolean =>
  request.method === "GET" &&
  new URL(request.url).pathname === HTTP_PATHS.page &&
  request.headers.get("sec-fetch-mode") === "navigate" &&
  request.headers.get("sec-fetch-dest") === "document";

export function bearerToken(request: Request): string | undefined {
  return request.headers.get("authorization")?.match(/^Bearer (\S+)$/i)?.[1];
}
