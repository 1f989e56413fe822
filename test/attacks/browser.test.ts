import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { HOST, HTTP_PATHS } from "../../src/protocol/index.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { type FakeSession, fakeSession } from "../support/fake-session.ts";
import { needs } from "../support/needs.ts";

/**
 * A page from elsewhere, open in the browser of the person whose daemon this is. The browser sends whatever browsers send by
 * themselves; the page knows the port, and in the worst case even the token.
 */
setDefaultTimeout(60_000);

const PROGRAM = Bun.which("chromium") ?? Bun.which("chromium-browser") ?? Bun.which("google-chrome");
const suite = needs("chromium", PROGRAM !== null, "apt-get install chromium");

let daemon: DaemonProcess;
let victim: FakeSession;
let browser: Browser;
let site: ReturnType<typeof Bun.serve>;
let page: Page;
const consoleOfPage: string[] = [];

suite("A web page of another origin", () => {
  beforeAll(async () => {
    daemon = await daemonProcess();
    victim = await fakeSession(daemon.sandbox, "victim");
    site = Bun.serve({
      hostname: HOST,
      port: 0,
      fetch: () =>
        new Response("<!doctype html><title>elsewhere</title><body>", { headers: { "content-type": "text/html" } }),
    });
    browser = await chromium.launch({
      executablePath: PROGRAM ?? "",
      // A name of the attacker's that leads to this machine, as after DNS rebinding.
      args: ["--no-sandbox", `--host-resolver-rules=MAP rebound.example ${HOST}`],
    });
    page = await browser.newPage();
    page.on("console", (line) => consoleOfPage.push(line.text()));
    await page.goto(`http://${HOST}:${site.port}/`);
  });
  afterAll(async () => {
    await browser?.close();
    site?.stop(true);
    await victim?.[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
  });

  const url = (path: string, host: string = HOST) => `http://${host}:${daemon.address().port}${path}`;
  const nothingArrived = async () => {
    const { events } = await daemon.mesh.events({ after: 0, limit: 1_000 });
    expect(events.filter((event) => event.type === "message.accepted")).toEqual([]);
    expect(victim.received).toEqual([]);
  };
  const notify = JSON.stringify({ peer: "victim", text: "from a web page" });

  // @attack csrf
  describe.each([
    ["that knows the port alone", false],
    ["that even knows the token", true],
  ])("%s", (_name, knowsToken) => {
    const headers = () =>
      knowsToken
        ? { authorization: `Bearer ${daemon.address().token}`, "content-type": "application/json" }
        : undefined;

    test("reads nothing and sends nothing with fetch, in no mode", async () => {
      for (const mode of ["cors", "no-cors"] as const) {
        for (const [path, method] of [
          ["/v1/notify", "POST"],
          ["/v1/peers", "POST"],
          [HTTP_PATHS.health, "GET"],
          [HTTP_PATHS.mcp, "POST"],
        ] as const) {
          const got = await page.evaluate(
            async ({ target, mode, method, body, headers }) => {
              try {
                const response = await fetch(target, {
                  method,
                  mode,
                  credentials: "include",
                  headers: mode === "cors" ? headers : undefined,
                  body: method === "POST" ? body : undefined,
                });
                return { type: response.type, text: await response.text() };
              } catch {
                return { type: "refused", text: "" };
              }
            },
            { target: url(path), mode, method, body: notify, headers: headers() },
          );
          expect(["refused", "opaque"]).toContain(got.type);
          expect(got.text).toBe("");
        }
      }
      await nothingArrived();
    });

    test("opens no link, and no event stream", async () => {
      const { port, token } = daemon.address();
      const got = await page.evaluate(
        async ({ link, stream, hello }) => {
          const socket = new Promise<string>((resolve) => {
            const opened = new WebSocket(link);
            opened.onopen = () => opened.send(hello);
            opened.onmessage = (event) => resolve(`message ${event.data}`);
            opened.onerror = () => resolve("refused");
          });
          const events = new Promise<string>((resolve) => {
            const source = new EventSource(stream);
            source.onmessage = (event) => resolve(`message ${event.data}`);
            source.onerror = () => {
              source.close();
              resolve("refused");
            };
          });
          return Promise.all([socket, events]);
        },
        {
          link: `ws://${HOST}:${port}${HTTP_PATHS.link}`,
          stream: url(`${HTTP_PATHS.events}?after=0`),
          hello: JSON.stringify({
            jsonrpc: "2.0",
            id: 1,
            method: "hello",
            params: { token: knowsToken ? token : "guess" },
          }),
        },
      );
      expect(got).toEqual(["refused", "refused"]);
    });
  });

  // @attack csrf
  test("posts no form, whatever its type says", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      const form = await browser.newPage();
      await form.goto(`http://${HOST}:${site.port}/`);
      const answered = form.waitForResponse((response) => response.url().includes("/v1/notify"));
      await form.evaluate(
        ({ target, type, body }) => {
          const made = document.createElement("form");
          Object.assign(made, { action: target, method: "POST", enctype: type });
          const field = document.createElement("input");
          // As text/plain this becomes one JSON object: the name, an equals sign, the value.
          Object.assign(field, { name: `${body.slice(0, -2)}`, value: '"}' });
          made.append(field);
          document.body.append(made);
          made.submit();
        },
        { target: url("/v1/notify"), type, body: notify },
      );
      expect((await answered).status()).toBe(403);
      await form.close();
    }
    await nothingArrived();
  });

  // @attack cross-origin-read
  test("takes no answer of the daemon for a script, a style, an image or a frame", async () => {
    const loaded = await page.evaluate(async (target) => {
      const tries = (["script", "img", "link", "iframe", "object"] as const).map((name) => {
        const element = document.createElement(name);
        if (name === "link") Object.assign(element, { rel: "stylesheet", href: target });
        else if (name === "object") Object.assign(element, { data: target });
        else Object.assign(element, { src: target });
        return new Promise<string>((resolve) => {
          element.addEventListener("load", () => {
            // A frame also "loads" its browser's page that says that there is nothing to see.
            const inside =
              name === "iframe" ? (element as HTMLIFrameElement).contentDocument?.body.textContent : "loaded";
            resolve(`${name} ${inside ?? "closed"}`);
          });
          element.addEventListener("error", () => resolve(`${name} refused`));
          document.body.append(element);
        });
      });
      return Promise.all(tries);
    }, url(HTTP_PATHS.health));
    expect(loaded.filter((line) => !/refused|closed/.test(line))).toEqual([]);
  });

  // @attack dns-rebinding
  test("is not let in by a name of its own that leads to this machine", async () => {
    const rebound = await browser.newPage();
    const response = await rebound.goto(url(HTTP_PATHS.health, "rebound.example"));
    expect(response?.status()).toBe(403);
    // Now the page's own origin is the daemon's address under that name: nothing is foreign to the browser any more.
    const got = await rebound.evaluate(
      async ({ body, token }) => {
        const sent = await fetch("/v1/notify", {
          method: "POST",
          body,
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        });
        return sent.status;
      },
      { body: notify, token: daemon.address().token },
    );
    expect(got).toBe(403);
    await rebound.close();
    await nothingArrived();
  });

  test("was told by the browser that it was refused: the attacks above were really made", () => {
    expect(consoleOfPage.join("\n")).toMatch(/CORS|ERR_|403/);
  });
});
