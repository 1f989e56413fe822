import { HOST, RepowireError } from "../protocol/index.ts";

/**
 * Keeps web pages out, on HTTP and WebSocket alike. A browser always sends `Origin` across sites and cannot fake `Host`, so a
 * page of another site, also one that rebinds its name to 127.0.0.1, is told no before anything else is looked at.
 */
export function checkOrigin(request: Request, port: number): void {
  const hosts = [HOST, "localhost", "[::1]"].map((name) => `${name}:${port}`);
  const host = request.headers.get("host") ?? "";
  if (!hosts.includes(host.toLowerCase())) {
    throw new RepowireError(
      "foreign_origin",
      `Requests for the host "${host.slice(0, 100)}" are refused; this daemon answers only to ${HOST}:${port}.`,
    );
  }
  const origin = request.headers.get("origin");
  if (origin !== null && !hosts.some((own) => origin === `http://${own}`)) {
    throw new RepowireError("foreign_origin", `Requests from the web page "${origin.slice(0, 100)}" are refused.`);
  }
  // An image, a script or a form's GET carries no `Origin`; browsers say for these, too, where they come from.
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") {
    throw new RepowireError("foreign_origin", "Requests from a web page of another site are refused.");
  }
}

export function bearerToken(request: Request): string | undefined {
  return request.headers.get("authorization")?.match(/^Bearer (\S+)$/i)?.[1];
}
