import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { HOST } from "../../src/protocol/index.ts";
import { loginLink } from "./browser-login.ts";
import { type DaemonProcess, daemonProcess } from "./daemon-process.ts";
import { needs } from "./needs.ts";
import { type Person, person } from "./person.ts";

/** A real daemon, a person's terminal, and a real Chromium that is logged in. */
export interface BrowserScene extends AsyncDisposable {
  readonly daemon: DaemonProcess;
  readonly someone: Person;
  readonly browser: Browser;
  readonly context: BrowserContext;
  /** What went wrong in the pages since this was last asked, and which hosts they spoke to. */
  faults(): string[];
  hosts(): string[];
  url(path: string): string;
  open(path: string, at?: BrowserContext): Promise<Page>;
  /** Another browser with the same login, which looks or behaves otherwise. */
  alike(options: BrowserContextOptions): Promise<BrowserContext>;
}

const PROGRAM = Bun.which("chromium") ?? Bun.which("chromium-browser") ?? Bun.which("google-chrome");
export const withBrowser = needs(
  "chromium and tmux",
  PROGRAM !== null && Bun.which("tmux") !== null,
  "apt-get install chromium tmux",
);
export const PHONE = { width: 390, height: 844 };

export async function browserScene(
  options: { prepare?(home: string): void; env?: Record<string, string> } = {},
): Promise<BrowserScene> {
  // A daemon that comes back must be where the page looks for it.
  const probe = Bun.serve({ port: 0, hostname: HOST, fetch: () => new Response() });
  const { port } = probe;
  await probe.stop(true);
  const daemon = await daemonProcess({ env: { ...options.env, REPOWIRE_PORT: String(port) } });
  if (options.prepare) {
    await daemon.end("SIGTERM");
    options.prepare(daemon.home);
    await daemon.start();
  }
  const someone = person(daemon.sandbox);
  const browser = await chromium.launch({
    executablePath: PROGRAM ?? "",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
  const context = await browser.newContext({ viewport: PHONE });
  let faults: string[] = [];
  let hosts = new Set<string>();
  const scene: BrowserScene = {
    daemon,
    someone,
    browser,
    context,
    faults() {
      const found = faults;
      faults = [];
      return found;
    },
    hosts() {
      const found = [...hosts];
      hosts = new Set();
      return found;
    },
    url: (path) => `http://${HOST}:${port}${path}`,
    async open(path, at = context) {
      const page = await at.newPage();
      page.on("pageerror", (error) => faults.push(String(error)));
      page.on("console", (line) => {
        // The browser itself notes answers that are refusals, and connections that end with the daemon.
        if (line.type() === "error" && !/Failed to load resource|ERR_/.test(line.text())) faults.push(line.text());
      });
      page.on("request", (request) => hosts.add(new URL(request.url()).host));
      await page.goto(scene.url(path));
      return page;
    },
    async alike(more) {
      return browser.newContext({ viewport: PHONE, ...more, storageState: await context.storageState() });
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      someone[Symbol.dispose]();
      await daemon[Symbol.asyncDispose]();
    },
  };
  const first = await scene.open("/");
  await first.goto("about:blank");
  await first.goto(await loginLink(someone));
  await first.locator("nav").waitFor();
  await first.close();
  return scene;
}
