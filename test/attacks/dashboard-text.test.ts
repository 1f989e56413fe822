import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Page } from "playwright-core";
import { type BrowserScene, browserScene, withBrowser } from "../support/browser-scene.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";

/** What peers write, shown by the page in a real Chromium: none of it does anything. */
setDefaultTimeout(60_000);

/** Each would run `pwned()`, or load from evil.test, in a page that takes text for more than text. */
const CORPUS = [
  "<script>pwned()</script>",
  "<img src=x onerror=pwned()>",
  "<img src=https://evil.test/pixel.png>",
  "<svg onload=pwned()>",
  "<svg><script>pwned()</script></svg>",
  "<svg><animate onbegin=pwned() attributeName=x dur=1s>",
  "<iframe src=javascript:pwned()></iframe>",
  '<iframe srcdoc="<script>parent.pwned()</script>"></iframe>',
  "<object data=javascript:pwned()>",
  "<embed src=javascript:pwned()>",
  "<body onload=pwned()>",
  "<details open ontoggle=pwned()>",
  "<input autofocus onfocus=pwned()>",
  "<video><source onerror=pwned()></video>",
  "<style>@import 'https://evil.test/x.css';*{display:none}</style>",
  "<link rel=stylesheet href=https://evil.test/x.css>",
  "<meta http-equiv=refresh content='0;url=https://evil.test/'>",
  "<base href=https://evil.test/>",
  "<form action=https://evil.test/><button>Approve</button></form>",
  "<math><mtext></p><img src onerror=pwned()></math>",
  "<noscript><p title='</noscript><img src=x onerror=pwned()>'>",
  "<template><script>pwned()</script></template>",
  "<a href=javascript:pwned()>x</a>",
  "[x](javascript:pwned())",
  "[x](javascript&colon;pwned())",
  "[x](\u0001javascript:pwned())",
  "[x](data:text/html;base64,PHNjcmlwdD5wd25lZCgpPC9zY3JpcHQ+)",
  "[x](vbscript:pwned())",
  "![x](https://evil.test/pixel.png)",
  "![x](javascript:pwned())",
  '![x](https://evil.test/a.png"onerror="pwned())',
  "[x]: javascript:pwned()\n\n[x]",
  "<javascript:pwned()>",
  "`<img src=x onerror=pwned()>`",
  "```html\n<script>pwned()</script>\n```",
  "| a |\n|---|\n| <img src=x onerror=pwned()> |",
  "- [ ] <img src=x onerror=pwned()>",
  "# <img src=x onerror=pwned()>",
  "> <script>pwned()</script>",
  "&lt;script&gt;pwned()&lt;/script&gt;",
  "{{constructor.constructor('pwned()')()}}",
  "$" + "{pwned()}",
  "javascript:pwned()",
  "--></script><script>pwned()</script><!--",
  "]]><script>pwned()</script>",
  "\u202e<script>pwned()</script>",
  "<scr\u0000ipt>pwned()</scr\u0000ipt>",
  '" autofocus onfocus="pwned()',
  "' style='position:fixed;inset:0' onmouseover='pwned()",
];

let scene: BrowserScene;
let writer: FakeSession;
let reader: FakeSession;
let page: Page;
let asked: string[];

withBrowser("Text of peers in the page", () => {
  beforeAll(async () => {
    scene = await browserScene();
    writer = await fakeSession(scene.daemon.sandbox, "writer");
    reader = await fakeSession(scene.daemon.sandbox, "reader");
    asked = [];
    await scene.context.route("**/*", (route) => {
      asked.push(new URL(route.request().url()).host);
      return route.continue();
    });
    page = await scene.open("/");
    await page.evaluate(() => Object.assign(globalThis, { pwned: () => Object.assign(globalThis, { isPwned: true }) }));
  });
  afterAll(async () => {
    await reader?.[Symbol.asyncDispose]();
    await writer?.[Symbol.asyncDispose]();
    await scene?.[Symbol.asyncDispose]();
  });

  async function nothingHappened(): Promise<void> {
    expect(await page.evaluate(() => "isPwned" in globalThis)).toBe(false);
    const found = await page.evaluate(() => {
      const inside = ".message, .peer, .wait, .found, .toast";
      return [...document.querySelectorAll(`:is(${inside}) *`)].flatMap((element) => [
        ...(/^(script|img|iframe|object|embed|style|link|meta|base|form|video|audio|svg|math)$/i.test(element.tagName)
          ? [element.outerHTML]
          : []),
        ...[...element.attributes].filter(({ name }) => /^on|^style$|^srcdoc$/.test(name)).map(({ name }) => name),
        ...(element instanceof HTMLAnchorElement && !/^(https?|mailto):/.test(element.href) ? [element.href] : []),
      ]);
    });
    expect(found).toEqual([]);
    expect(new Set(asked)).toEqual(new Set([new URL(scene.url("/")).host]));
    expect(scene.faults()).toEqual([]);
  }

  // @req dashboard.hostile-text
  // @attack xss
  test("as messages: shown as what they are", async () => {
    await page.goto(`${scene.url("/")}#/peer/${reader.id}`);
    await page.evaluate(() => Object.assign(globalThis, { pwned: () => Object.assign(globalThis, { isPwned: true }) }));
    for (const text of CORPUS) {
      await writer.call("notify", { peer: "reader", text });
      await page.locator(".message").last().waitFor();
    }
    await writer.call("notify", { peer: "reader", text: "the last of them" });
    await page.getByText("the last of them").waitFor();
    // Each comes by the screen once.
    const box = page.locator(".messages");
    for (let step = 0; step < 40; step++) {
      await box.evaluate((element, at) => (element.scrollTop = at * 300), step);
      await page.waitForTimeout(30);
      await nothingHappened();
    }
    await box.evaluate((element) => (element.scrollTop = 0));
    await page.getByText("<script>pwned()</script>", { exact: true }).first().waitFor();
  });

  // @attack xss
  test("as descriptions, permission requests, and what is searched for", async () => {
    await page.goto(scene.url("/"));
    await page.evaluate(() => Object.assign(globalThis, { pwned: () => Object.assign(globalThis, { isPwned: true }) }));
    for (const text of CORPUS.filter((one) => one.length <= 200 && !one.includes("\n")).slice(0, 24)) {
      await writer.call("describe", { text });
      await page.locator(".peer-does").first().waitFor();
      await nothingHappened();
    }
    writer.requestPermission({
      request: "r",
      tool: "<img src=x onerror=pwned()>",
      description: "<svg onload=pwned()>",
      preview: CORPUS.join("\n"),
    });
    await page.goto(`${scene.url("/")}#/waits`);
    await page.getByRole("button", { name: "Approve" }).waitFor();
    await nothingHappened();
    await page.goto(`${scene.url("/")}#/find/${encodeURIComponent("pwned")}`);
    await page.locator(".found li").first().waitFor();
    await nothingHappened();
  });

  // @attack xss
  test("an address that somebody sends is no script either", async () => {
    for (const hash of [
      "#/find/<img src=x onerror=pwned()>",
      "#/peer/<svg onload=pwned()>",
      "#/thread/%",
      "#login=<script>",
      "#/%E0%A4%A",
    ]) {
      await page.goto("about:blank");
      await page.goto(scene.url("/") + hash);
      await page.locator("main h1").first().waitFor();
      await page.waitForTimeout(100);
      await nothingHappened();
    }
  });
});
