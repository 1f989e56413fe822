import { HOST, HTTP_PATHS, LOGIN_FRAGMENT, PAGE_HEADER } from "../../src/protocol/index.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { Person } from "./person.ts";

/** A link that a person's own terminal printed. */
export async function loginLink(who: Person): Promise<string> {
  const { code, out, err } = await who.repowire("dashboard", "--json");
  if (code !== 0) throw new Error(`no link: ${err}`);
  return (JSON.parse(out) as { url: string }).url;
}

export interface BrowserLogin {
  cookie: string;
  /** Everything after the cookie's value. */
  attributes: string;
  page: string;
  headers: Record<string, string>;
}

/** What the page does with a link, without a browser. */
export async function redeem(daemon: DaemonProcess, link: string, init: RequestInit = {}): Promise<Response> {
  const code = new URL(link).hash.slice(1 + LOGIN_FRAGMENT.length);
  return fetch(`http://${HOST}:${daemon.address().port}${HTTP_PATHS.login}`, {
    method: "POST",
    body: JSON.stringify({ code }),
    ...init,
  });
}

export async function logInBrowser(daemon: DaemonProcess, who: Person): Promise<BrowserLogin> {
  const response = await redeem(daemon, await loginLink(who));
  const [cookie = "", ...rest] = (response.headers.get("set-cookie") ?? "").split("; ");
  const { page } = (await response.json()) as { page: string };
  return { cookie, attributes: rest.join("; "), page, headers: { cookie, [PAGE_HEADER]: page } };
}
