import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HOST, HTTP_PATHS, PAGE_HEADER } from "../../src/protocol/index.ts";
import { type BrowserLogin, logInBrowser, loginLink, redeem } from "../support/browser-login.ts";
import type { DaemonProcess } from "../support/daemon-process.ts";
import { needs } from "../support/needs.ts";
import { type Person, person } from "../support/person.ts";
import { until } from "../support/until.ts";
import { type Cast, cast } from "./cast.ts";

/** The dashboard's doors, tried by whoever is not the person that they are for. */
setDefaultTimeout(60_000);

const suite = needs("tmux", Bun.which("tmux") !== null, "apt-get install tmux");

let scene: Cast;
let daemon: DaemonProcess;
let someone: Person;
let login: BrowserLogin;
let base: string;

suite("The dashboard's doors", () => {
  beforeAll(async () => {
    scene = await cast();
    daemon = scene.daemon;
    someone = person(daemon.sandbox);
    base = `http://${HOST}:${daemon.address().port}`;
    login = await logInBrowser(daemon, someone);
  });
  afterAll(async () => {
    someone?.[Symbol.dispose]();
    await scene?.[Symbol.asyncDispose]();
  });

  const whoami = (headers: Record<string, string>) =>
    fetch(`${base}/v1/whoami`, { method: "POST", headers, body: "{}" });
  /** As a form of any page may post it, without asking first. */
  const upload = (headers: Record<string, string>) => {
    const plain = { "content-type": "text/plain", ...headers };
    return fetch(`${base}${HTTP_PATHS.attachments}?name=planted.sh`, {
      method: "POST",
      headers: plain,
      body: "rm -rf",
    });
  };
  const kept = () =>
    existsSync(daemon.sandbox.paths.attachments) ? readdirSync(daemon.sandbox.paths.attachments) : [];

  // @req dashboard.login-human
  // @attack login-link
  test("a link is made for a person at a terminal only: not for an agent, not for a script", async () => {
    for (const words of [["dashboard"], ["dashboard", "--print"], ["dashboard", "--json"]]) {
      const { code, out, err } = await scene.mallory.repowire(...words);
      expect(code).not.toBe(0);
      expect(out + err).not.toContain("#login=");
      expect(err + out).toContain("Only a person");
    }
    await expect(daemon.mesh.login_link({})).rejects.toMatchObject({ code: "human_required" });
    expect(await loginLink(someone)).toStartWith(`${base}/#login=`);
  });

  // @req dashboard.login-once
  // @attack replayed-link
  test("a link that was used, by whomever, logs nobody in again", async () => {
    const link = await loginLink(someone);
    expect((await redeem(daemon, link)).status).toBe(200);
    const again = await redeem(daemon, link);
    expect(again.status).toBe(401);
    expect(again.headers.get("set-cookie")).toBeNull();
    expect(await again.json()).toMatchObject({ code: "unauthorized", detail: expect.stringContaining("used already") });
  });

  // @attack replayed-link
  test("of many who open a link at the same moment, one is logged in", async () => {
    const link = await loginLink(someone);
    const all = await Promise.all(Array.from({ length: 20 }, () => redeem(daemon, link)));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  // @req dashboard.rights-by-login
  test("a logged-in browser acts as the person; its cookie is for no script and no other site", async () => {
    expect(login.attributes).toMatch(/^Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
    const response = await whoami(login.headers);
    expect(await response.json()).toMatchObject({ peer: { role: "human" } });
  });

  // @req dashboard.cookie-alone
  // @attack cookie-theft
  test("the cookie alone opens nothing, nor does the page's half, nor halves that do not belong together", async () => {
    const other = await logInBrowser(daemon, someone);
    for (const headers of [
      { cookie: login.cookie },
      { [PAGE_HEADER]: login.page },
      { cookie: login.cookie, [PAGE_HEADER]: other.page },
      { cookie: `${login.cookie}x`, [PAGE_HEADER]: login.page },
      { cookie: login.cookie, authorization: `Bearer ${login.page}` },
      { authorization: `Bearer ${login.cookie.split("=")[1]}` },
    ] as Record<string, string>[]) {
      expect((await whoami(headers)).status).toBe(401);
      expect((await upload(headers)).status).toBe(401);
      expect((await fetch(base + HTTP_PATHS.events, { headers })).status).toBe(401);
      expect((await fetch(base + HTTP_PATHS.logout, { method: "POST", headers })).status).toBe(401);
    }
  });

  // @req dashboard.rights-by-login
  test("what a person does with it is in the log, with who made the link; what the page reads to stay true is not", async () => {
    const post = (name: string, body: unknown) =>
      fetch(`${base}/v1/${name}`, { method: "POST", headers: login.headers, body: JSON.stringify(body) });
    expect((await post("history", {})).status).toBe(200);
    expect((await post("rename", { peer: "friend", name: "companion" })).status).toBe(200);
    expect((await post("rename", { peer: "companion", name: "friend" })).status).toBe(200);
    const log = await until(() => {
      const text = readFileSync(daemon.sandbox.paths.daemonLog, "utf8");
      return text.includes('"rename"') && text;
    }, "the log");
    const lines = log
      .split("\n")
      .filter((line) => line.includes("a person's call") && line.includes("dashboard login"));
    expect(lines.some((line) => line.includes('"rename"') && line.includes("link made by"))).toBe(true);
    expect(lines.some((line) => line.includes('"history"'))).toBe(false);
  });

  // @attack cookie-theft
  test("both halves, in the hands of an agent's process, are not a person", async () => {
    const code = `fetch("${base}/v1/whoami",{method:"POST",body:"{}",headers:${JSON.stringify(login.headers)}}).then(async r=>console.log(r.status,await r.text()))`;
    const { out } = await scene.mallory.run([process.execPath, "-e", code]);
    expect(out).toStartWith("403");
    expect(out).toContain("human_required");
    expect(out).toContain("mallory");
  });

  // @req dashboard.spawn-listed
  // @attack login-reach
  test("a login starts nothing that config.yaml does not list, however its folder is written", async () => {
    mkdirSync(join(daemon.sandbox.root, "allowed"), { recursive: true });
    writeFileSync(
      daemon.sandbox.paths.config,
      `spawn:\n  folders: [${daemon.sandbox.root}/allowed]\n  runtimes: [codex]\n`,
    );
    await daemon.crashAndRestart();
    base = `http://${HOST}:${daemon.address().port}`;
    login = await logInBrowser(daemon, someone);
    const spawn = (body: unknown) =>
      fetch(`${base}/v1/spawn`, { method: "POST", headers: login.headers, body: JSON.stringify(body) });
    const allowed = `${daemon.sandbox.root}/allowed`;
    for (const order of [
      { path: daemon.sandbox.root, runtime: "codex" },
      { path: `${allowed}/..`, runtime: "codex" },
      { path: "/", runtime: "codex" },
      { path: allowed, runtime: "claude-code" },
      { path: allowed, profile: "unknown" },
      { path: allowed, runtime: "codex", args: ["--yolo"] },
    ]) {
      const got = await spawn(order);
      expect([order, got.status >= 400 && got.status < 500]).toEqual([order, true]);
    }
    const { approvals } = await daemon.mesh.approvals({});
    expect(approvals).toEqual([]);
    const { peers } = await daemon.mesh.peers({ include_offline: true });
    expect(peers.filter(({ runtime }) => runtime === "codex" || runtime === "claude-code")).toEqual([]);
    writeFileSync(daemon.sandbox.paths.config, "");
    await daemon.crashAndRestart();
    base = `http://${HOST}:${daemon.address().port}`;
    login = await logInBrowser(daemon, someone);
  });

  // @attack login-reach
  test("a login opens no session's door: neither hooks, nor tools, nor the link", async () => {
    for (const [path, method] of [
      [HTTP_PATHS.mcp, "POST"],
      [HTTP_PATHS.hookReport("claude-code"), "POST"],
      [HTTP_PATHS.hookPrinted("claude-code"), "POST"],
    ] as const) {
      const got = await fetch(base + path, { method, headers: login.headers, body: "{}" });
      expect([path, got.status]).toEqual([path, 401]);
    }
  });

  // @attack csrf
  test.each([
    ["a foreign origin", { origin: "http://evil.test" }],
    ["another port of this machine", { origin: `http://${HOST}:1` }],
    ["no origin at all", { origin: "null" }],
    ["a foreign host", { host: "evil.test" }],
    ["another site, as browsers say it", { "sec-fetch-site": "cross-site" }],
    ["another page of this machine, as browsers say it", { "sec-fetch-site": "same-site" }],
    [
      "a navigation that posts",
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
    ],
  ] as [string, Record<string, string>][])("from %s nobody logs in, out, or does anything", async (_name, headers) => {
    const link = await loginLink(someone);
    expect((await redeem(daemon, link, { headers })).status).toBe(403);
    expect((await whoami({ ...login.headers, ...headers })).status).toBe(403);
    expect((await upload({ ...login.headers, ...headers })).status).toBe(403);
    expect(kept()).toEqual([]);
    const out = await fetch(base + HTTP_PATHS.logout, { method: "POST", headers: { ...login.headers, ...headers } });
    expect(out.status).toBe(403);
    // It was not used up.
    expect((await redeem(daemon, link)).status).toBe(200);
  });

  // @req dashboard.policy
  // @attack page-policy
  test("the page runs its own files only, stands in no frame, and says nothing of this machine", async () => {
    const response = await fetch(base);
    const html = await response.text();
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:|data:|blob:/);
    expect(response.headers.get("x-frame-options")).toBe("DENY");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=/);
    const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? "");
    expect(assets.filter((path) => !path.startsWith("/"))).toEqual([]);
    for (const path of [...assets, "/sw.js"]) {
      const file = await fetch(base + path);
      expect([path, file.status]).toEqual([path, 200]);
      const text = await file.text();
      for (const secret of [daemon.address().token, daemon.sandbox.root, "mallory"]) expect(text).not.toContain(secret);
    }
    for (const secret of [daemon.address().token, daemon.sandbox.root, "mallory"]) expect(html).not.toContain(secret);
  });

  // @attack path-tricks
  test("no other file is served under any name", async () => {
    for (const path of [
      "/assets/..%2ftoken",
      "/assets/%2e%2e/%2e%2e/token",
      "/assets/main.tsx",
      "/token",
      "/index.html",
      "/assets/__proto__",
    ])
      expect([path, [401, 404].includes((await fetch(base + path)).status)]).toEqual([path, true]);
  });

  // @req dashboard.resume
  test("the events go on behind the last one that a browser saw, over a restart of the daemon, with the same login", async () => {
    const { cursor } = await daemon.mesh.events({ after: 0, limit: 3 });
    await daemon.crashAndRestart();
    base = `http://${HOST}:${daemon.address().port}`;
    // Another port is another daemon to a browser: here the cookie is carried over by hand.
    const cookie = login.cookie.replace(/^repowire-\d+/, `repowire-${daemon.address().port}`);
    const headers = { cookie, [PAGE_HEADER]: login.page, "last-event-id": String(cursor) };
    const response = await fetch(base + HTTP_PATHS.events, { headers });
    expect(response.status).toBe(200);
    const reader = response.body?.getReader();
    const first = new TextDecoder().decode((await reader?.read())?.value);
    expect(first).toContain(`id: ${cursor + 1}\n`);
    await reader?.cancel();
  });

  // @req dashboard.secrets-kept
  // @attack secrets
  test("neither half of a login, nor a link's code, stands in a file or in the log", async () => {
    const link = await loginLink(someone);
    const secrets = [login.page, login.cookie.split(".")[1] ?? "", link.split("=")[1] ?? ""];
    for (const secret of secrets) expect(secret.length).toBeGreaterThan(20);
    const files = readdirSync(daemon.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(3);
    for (const entry of files) {
      const text = readFileSync(join(entry.parentPath, entry.name), "latin1");
      for (const secret of secrets) expect([entry.name, text.includes(secret)]).toEqual([entry.name, false]);
    }
  });

  test("logged out is out, with both halves in hand", async () => {
    const mine = await logInBrowser(daemon, someone);
    expect((await whoami(mine.headers)).status).toBe(200);
    const open = await fetch(base + HTTP_PATHS.events, { headers: mine.headers });
    const reader = open.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    expect((await fetch(base + HTTP_PATHS.logout, { method: "POST", headers: mine.headers })).status).toBe(200);
    expect((await whoami(mine.headers)).status).toBe(401);
    // What is open is open no longer: the next event ends it, unread.
    await scene.friend.call("notify", { peer: "victim", text: "after the logout" });
    const rest: string[] = [];
    for (let read = await reader?.read(); read && !read.done; read = await reader?.read())
      rest.push(new TextDecoder().decode(read.value));
    expect(rest.join("")).not.toContain("event: message.accepted");
  });

  // @req dashboard.public-origin
  // @attack public-door
  test("under the address of the user's own proxy only a logged-in browser comes in, and from no other page", async () => {
    const proxy = "https://mesh.example";
    writeFileSync(daemon.sandbox.paths.config, `dashboard:\n  public_origin: ${proxy}\n`);
    await daemon.crashAndRestart();
    base = `http://${HOST}:${daemon.address().port}`;
    const { out } = await someone.repowire("dashboard", "--print");
    const link = out.split("\n").find((line) => line.startsWith(`${proxy}/#login=`)) ?? "";
    expect(out).toMatch(/[▀▄█]/);
    const through = { host: "mesh.example" };
    const bearer = { authorization: `Bearer ${daemon.address().token}` };
    for (const [path, method] of [
      ["/v1/peers", "POST"],
      [HTTP_PATHS.mcp, "POST"],
      [HTTP_PATHS.hookReport("claude-code"), "POST"],
      [HTTP_PATHS.metrics, "GET"],
      [HTTP_PATHS.link, "GET"],
    ] as const) {
      const got = await fetch(base + path, {
        method,
        headers: { ...through, ...bearer },
        body: method === "POST" ? "{}" : null,
      });
      expect([path, got.status]).toEqual([path, 401]);
    }
    for (const headers of [
      { ...through, origin: "https://mesh.example.evil.test" },
      { ...through, origin: "http://mesh.example" },
      { host: "mesh.example.evil.test", origin: proxy },
      { host: "evil.test", "x-forwarded-host": "mesh.example" },
    ] as Record<string, string>[]) {
      expect((await redeem(daemon, link, { headers })).status).toBe(403);
    }
    const health = await (await fetch(base + HTTP_PATHS.health, { headers: { ...through, ...bearer } })).json();
    expect(health).not.toHaveProperty("parts");
    const response = await redeem(daemon, link, { headers: { ...through, origin: proxy } });
    expect(response.status).toBe(200);
    expect(response.headers.get("set-cookie")).toContain("; Secure");
    const cookie = response.headers.get("set-cookie")?.split(";")[0] ?? "";
    const { page } = (await response.json()) as { page: string };
    expect((await whoami({ ...through, origin: proxy, cookie, [PAGE_HEADER]: page })).status).toBe(200);
  });

  test("without such an address no other host is answered, whatever it is called", async () => {
    writeFileSync(daemon.sandbox.paths.config, "");
    await daemon.crashAndRestart();
    base = `http://${HOST}:${daemon.address().port}`;
    expect((await fetch(base, { headers: { host: "mesh.example" } })).status).toBe(403);
    const { out } = await someone.repowire("dashboard", "--print");
    expect(out).not.toMatch(/[▀▄█]/);
  });
});
