import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { HTTP_PATHS, PAGE_HEADER } from "../src/protocol/endpoints.ts";
import { privateTerminal } from "../test/support/terminal.ts";

/**
 * `npm run docs:screenshots [-- FOLDER]`: opens the demo's page in Chromium and takes a picture of each of its views, at the widths of
 * a phone, a tablet and a desk, in both themes; without a folder only those that docs/dashboard.md shows, into docs/screenshots. The
 * demo runs in a terminal of its own, as a person's would.
 */
const PROGRAM = Bun.which("chromium") ?? Bun.which("chromium-browser") ?? Bun.which("google-chrome");
if (!PROGRAM || !Bun.which("tmux")) {
  console.error("Needs chromium and tmux; install them with `apt-get install chromium tmux`.");
  process.exit(1);
}
const docs = join(import.meta.dir, "..", "docs");
const folder = process.argv[2] ?? join(docs, "screenshots");
const isWanted = (name: string): boolean =>
  process.argv[2] !== undefined || readFileSync(join(docs, "dashboard.md"), "utf8").includes(`screenshots/${name}`);
const WIDTHS = [390, 820, 1440] as const;
const HEIGHT: Record<(typeof WIDTHS)[number], number> = { 390: 844, 820: 1100, 1440: 900 };
const THEMES = ["light", "dark"] as const;
const DEMO_MS = 90_000;
/** What moves has come to rest. */
const SETTLE_MS = 400;
/** So many events before the end, messages were under way. */
const REPLAY_BACK = 6;

const scratch = mkdtempSync(join(tmpdir(), "rws-"));
const terminal = privateTerminal(scratch);
mkdirSync(folder, { recursive: true });
try {
  terminal.open("demo", {
    cwd: join(import.meta.dir, ".."),
    env: { PATH: process.env.PATH ?? "", HOME: scratch, USER: "sam", TMPDIR: scratch },
    command: [process.execPath, "src/demo/main.ts"],
  });
  const screen = await terminal.waitFor("demo", /#login=\S+/, DEMO_MS);
  const link = screen.match(/http:\/\/\S+#login=\S+/)?.[0] ?? "";
  const browser = await chromium.launch({ executablePath: PROGRAM, args: ["--no-sandbox"] });
  const context = await browser.newContext();
  await loggedIn(context, link);
  const storage = await context.storageState();
  for (const theme of THEMES) {
    for (const width of WIDTHS) {
      const view = { width, height: HEIGHT[width] };
      const own = await browser.newContext({ storageState: storage, colorScheme: theme, viewport: view });
      await shoot(await own.newPage(), new URL(link).origin, `${width}-${theme}.png`);
      await own.close();
    }
  }
  await browser.close();
} finally {
  terminal.press("demo", "C-c");
  await Bun.sleep(4_000);
  terminal.close();
  rmSync(scratch, { recursive: true, force: true });
}

async function loggedIn(context: BrowserContext, link: string): Promise<void> {
  const page = await context.newPage();
  await page.goto(link);
  await page.getByText("wants to use").or(page.getByText("waits for you")).first().waitFor();
  // Somebody has asked something: a conversation of people, too, has something to show.
  await page.getByRole("link", { name: "backend" }).first().click();
  await page
    .getByLabel("Question to backend")
    .fill("Is `GET /users` **paged**? If so:\n\n- how many per page\n- which parameter goes on");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await page.locator(".mine .chip", { hasText: "answered" }).waitFor();
  // One that is kept back, for the person to decide.
  await operation(page, "quiet", { peer: "infra", seconds: 1_800 });
  const text = "The migration waits for **your** word: `0042_users_email` changes the table that backend reads.";
  await operation(page, "notify", { peer: "infra", text, urgency: "urgent" });
  await page.close();
}

/** What the page itself would call, with its own login. */
async function operation(page: Page, name: string, input: unknown): Promise<void> {
  const status = await page.evaluate(
    async ({ path, header, body }) => {
      const headers = { "content-type": "application/json", [header]: localStorage.getItem("repowire.page") ?? "" };
      return (await fetch(path, { method: "POST", headers, body })).status;
    },
    { path: HTTP_PATHS.operation(name), header: PAGE_HEADER, body: JSON.stringify(input) },
  );
  if (status !== 200) throw new Error(`${name}: HTTP ${status}`);
}

async function shoot(page: Page, origin: string, ending: string): Promise<void> {
  const take = async (view: string): Promise<void> => {
    const name = `${view}-${ending}`;
    if (!isWanted(name)) return;
    await page.waitForTimeout(SETTLE_MS);
    await page.screenshot({ path: join(folder, name) });
  };
  await page.goto(origin);
  await page.getByText("frontend", { exact: true }).first().waitFor();
  await take("mesh");
  await page.getByRole("link", { name: "backend" }).first().click();
  await page.getByRole("button", { name: "Trace" }).last().click();
  await take("conversation");
  await page.goto(`${origin}/#/waits`);
  await page.getByRole("button", { name: "Approve" }).waitFor();
  await take("waits");
  await page.goto(`${origin}/#/find/users`);
  await page.locator(".found li").first().waitFor();
  await take("find");
  await page.goto(`${origin}/#/replay`);
  await page.getByRole("slider").waitFor();
  for (let step = 0; step < REPLAY_BACK; step++) await page.getByRole("button", { name: "Event before" }).click();
  await take("replay");
  await page.goto(`${origin}/#/later`);
  await page.getByLabel("When").fill("22:00");
  await page.getByLabel("Text").fill("Run the slow tests, and tell me what failed.");
  await take("later");
  await page.goto(`${origin}/#/worktrees`);
  await page.getByText("None yet.").waitFor();
  await take("worktrees");
  await page.goto(`${origin}/#/health`);
  await page.getByText("links").waitFor();
  await take("health");
  await page.getByRole("button", { name: "Follow" }).scrollIntoViewIfNeeded();
  await page.getByRole("button", { name: "Follow" }).click();
  await take("health-below");
  await page.goto(origin);
  await page.getByRole("button", { name: "Ask several…" }).click();
  await page.getByRole("checkbox").first().check();
  await take("ask-several");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "backend" }).first().click();
  await page.getByText("Its own conversation").click();
  await page.locator(".turn").first().waitFor();
  await take("own-turns");
  await page.getByRole("button", { name: "Mail…" }).click();
  await take("mail");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog").waitFor();
  await take("palette");
}
