import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LIMITS } from "../protocol/limits.ts";
import { logger, startLogging } from "./log.ts";
import { parseLogLine, toText } from "./log-record.ts";
import { redact } from "./redact.ts";
import { CODEX_MCP_SCOPE, ensureToken, scopedToken } from "./token.ts";

let folder: string;
let file: string;
let printed: string[];
let stderr: ReturnType<typeof spyOn>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "rwlog-"));
  file = join(folder, "daemon.log");
  printed = [];
  stderr = spyOn(process.stderr, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  await startLogging({ level: "debug", file, toStderr: true });
});
afterEach(async () => {
  stderr.mockRestore();
  await startLogging({ level: "error" });
  rmSync(folder, { recursive: true });
});

const written = (): string => readFileSync(file, "utf8");
const log = logger("test");

/** Put together here, so that no scanner of repositories takes them for real ones. */
const fake = (...parts: string[]): string => parts.join("");
const letters = "Ab3dEfGh1jKlMn0pQrStUvWxYz1234567890";
const token = () => ensureToken(folder);

/** By shape: the secret itself, which must not be found in what is written, within what it stands in. */
const SHAPED: Record<string, () => string> = {
  "our token": token,
  "a credential made from it": () => scopedToken(token(), CODEX_MCP_SCOPE),
  OpenAI: () => fake("sk", "-proj-", letters),
  Anthropic: () => fake("sk", "-ant-api03-", letters),
  Stripe: () => fake("sk", "_live_", letters.slice(0, 24)),
  GitHub: () => fake("ghp", "_", letters),
  "GitHub, fine-grained": () => fake("github", "_pat_", letters),
  GitLab: () => fake("glpat", "-", letters.slice(0, 20)),
  npm: () => fake("npm", "_", letters),
  Slack: () => fake("xoxb", "-123456789012-", letters),
  Google: () => fake("AIza", letters.slice(0, 35)),
  Telegram: () => fake("123456789", ":", letters.slice(0, 35)),
  "an AWS key's id": () => fake("AKIA", "ABCDEFGHIJKLMNOP"),
  "a JSON web token": () => fake("eyJ", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.", letters),
  "a private key": () => `-----BEGIN RSA PRIVATE KEY-----\n${letters}\n${letters}\n-----END RSA PRIVATE KEY-----`,
};
/** Without a shape of its own, known by what stands before it. */
const NAMED: Record<string, (secret: string) => string> = {
  "a bearer header": (secret) => `Authorization: Bearer ${secret}`,
  "a bearer header alone": (secret) => `got "Bearer ${secret}"`,
  "a basic header": (secret) => `authorization: Basic ${secret}`,
  "a cookie": (secret) => `Cookie: ${secret}`,
  "the secret half of an AWS key": (secret) => `AWS_SECRET_ACCESS_KEY=${secret}`,
  "an environment variable": (secret) => `OPENROUTER_API_KEY=${secret}`,
  "a JSON field": (secret) => `{"client_secret":"${secret}","a":1}`,
  "a URL with a password": (secret) => `postgres://anna:${secret}@db.example:5432/x`,
  "a password": (secret) => `password = '${secret}'`,
};
const PLAIN = "pl41nS3cr3tValue";

const cases = [
  ...Object.entries(SHAPED).map(([name, make]) => [name, () => ({ secret: make(), text: `x ${make()} y` })] as const),
  ...Object.entries(NAMED).map(([name, make]) => [name, () => ({ secret: PLAIN, text: make(PLAIN) })] as const),
];

/** Every way into a record that LogTape has, and every kind of value that our calls put there. */
const PATHS: Record<string, (text: string) => void> = {
  "the message": (text) => log.info(text),
  "a placeholder of the message": (text) => log.info("it said {what}", { what: text }),
  "a template": (text) => log.info`it said ${text} and ${{ deep: text }}`,
  "a message that is made late": (text) => log.debug((l) => l`it said ${text}`),
  "a field": (text) => log.warning("said", { reason: text }),
  "a field that is made late": (text) => log.warning("said", () => ({ reason: text })),
  "a field of a field": (text) => log.error("said", { a: { b: [{ c: text }] } }),
  "a text encoded for a URL": (text) => log.error("said", { reason: `/x?q=${encodeURIComponent(text)}` }),
  "the name of a field": (text) => log.error("said", { [text]: 1 }),
  "an error's message and stack": (text) => log.error("failed", { error: new Error(text) }),
  "an error's cause": (text) => log.error("failed", { error: new Error("outer", { cause: new Error(text) }) }),
  "an error's other fields": (text) => log.error("failed", { error: Object.assign(new Error("x"), { request: text }) }),
  "a map, a set, a URL": (text) =>
    log.fatal("said", {
      map: new Map([["k", text]]),
      set: new Set([text]),
      url: new URL(`https://h/?q=${encodeURI(text)}`),
    }),
  "a logger with fields of its own": (text) => log.with({ reason: text }).info("said"),
};

describe("what looks like a secret is in no log, whichever way it comes", () => {
  // @req private.log-redacted
  test.each(cases)("%s", (_name, make) => {
    const { secret, text } = make();
    for (const [path, write] of Object.entries(PATHS)) {
      write(text);
      const all = written() + printed.join("");
      for (const part of secret.split("\n")) expect([path, all.includes(part)]).toEqual([path, false]);
    }
    expect(written().trimEnd().split("\n").length).toBe(Object.keys(PATHS).length);
  });

  test("a secret that would be cut in two is masked first", () => {
    const secret = SHAPED.OpenAI?.() ?? "";
    log.info("said", { reason: `${"x".repeat(LIMITS.logTextCharsMax - 10)} ${secret}` });
    expect(written()).not.toContain("sk-proj");
  });

  test("bodies, environments and credentials are known by the field's name alone", () => {
    const hidden = { body: "b0dy", text: "t3xt", env: { HOME: "/h0me" }, input: ["1nput"], resume_secret: "r3sume" };
    log.info("said", { ...hidden, nested: { headers: { accept: "h3ader" } } });
    for (const value of ["b0dy", "t3xt", "/h0me", "1nput", "r3sume", "h3ader"]) expect(written()).not.toContain(value);
  });

  test("what is no secret stays readable", () => {
    const text =
      "peer_0198c5b2 asked codex at /home/anna/backend:12 (attempt 2), skipped task-list; see https://h:8377/x";
    expect(redact(text)).toBe(text);
  });

  test("masking takes no longer than the text is long", () => {
    const startedAt = performance.now();
    for (const part of ["-----BEGIN PRIVATE KEY-----", "a://b:", "token_", "eyJaaaaaaaaaaa.", "secret : ", "sk-"])
      redact(part.repeat(64_000 / part.length));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

describe("the file", () => {
  test("is one JSON object a line, and reads as text", () => {
    log.info("session joined", { peer: "peer_1", pid: 7, missing: undefined });
    log.error("a batch was not stored", { error: new Error("disk\ngone") });
    const [first, second] = written().trimEnd().split("\n").map(parseLogLine);
    expect(first).toMatchObject({ level: "info", category: "test", fields: { peer: "peer_1", pid: 7 } });
    expect(second).toMatchObject({ fields: { error: { name: "Error", message: "disk\ngone" } } });
    expect(first && toText(first)).toMatch(/^\S+Z info {4}test: session joined peer=peer_1 pid=7$/);
    expect(second && toText(second)).toContain("error=Error: disk\ngone\n    at ");
    expect(printed.join("")).toContain("session joined peer=peer_1 pid=7\n");
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("holds no character that steers a terminal, and no line that a text made", () => {
    log.info("said", { reason: 'a\u001b[2Jb\u009b31m\u202e\n{"time":"forged"}' });
    expect(written().trimEnd().split("\n")).toHaveLength(1);
    expect(written()).toMatch(/^[\x20-\x7e]+\n$/);
    expect(parseLogLine(written())?.fields?.reason).toContain("\u001b[2J");
    for (const character of ["\u001b", "\u009b", "\u202e"]) expect(printed.join("")).not.toContain(character);
  });

  // @req private.log-bounded
  test("has a limit: then it begins anew, with one older file beside it", () => {
    writeFileSync(file, "x".repeat(LIMITS.logFileBytesMax - 10));
    log.info("first of the new file");
    expect(statSync(`${file}.1`).size).toBe(LIMITS.logFileBytesMax - 10);
    expect(written().split("\n")).toHaveLength(2);
    writeFileSync(file, "y".repeat(LIMITS.logFileBytesMax));
    log.info("again");
    expect(readFileSync(`${file}.1`, "utf8")[0]).toBe("y");
    expect(existsSync(`${file}.2`)).toBe(false);
  });

  test("one record is bounded, however large or deep what it was given", () => {
    const deep: Record<string, unknown> = {};
    let at = deep;
    for (let i = 0; i < 50; i++) {
      const next = {};
      at.x = next;
      at = next;
    }
    deep.self = deep;
    log.info("said", { reason: "x".repeat(1_000_000), list: Array(10_000).fill("y"), deep, blob: new Uint8Array(9e6) });
    expect(written().length).toBeLessThan(20_000);
  });
});
