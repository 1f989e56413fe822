import { expect, test } from "bun:test";
import { isAppServer, isHeadless, isSession, isTui } from "./threads.ts";
import { Thread } from "./wire.ts";

const thread = (change: object) =>
  Thread.parse({
    id: "01a21423-3aa3-7c10-97b1-b027163fd79e",
    cwd: "/repo",
    status: { type: "idle" },
    ephemeral: false,
    parentThreadId: null,
    originator: "codex-tui",
    source: "vscode",
    threadSource: "user",
    ...change,
  });

test("a person's thread is a session, on the shared server and off it", () => {
  expect(isSession(thread({}))).toBe(true);
  expect(isSession(thread({ source: "cli", threadSource: null }))).toBe(true);
});

test("helpers, sub-agents and headless runs are none", () => {
  expect(isSession(thread({ ephemeral: true, threadSource: "thread_title" }))).toBe(false);
  expect(isSession(thread({ threadSource: "thread_title" }))).toBe(false);
  expect(isSession(thread({ parentThreadId: "01a21423-cd21-7dd0-b4fc-a72030b61ee0" }))).toBe(false);
  expect(isSession(thread({ source: { subAgent: "review" } }))).toBe(false);
  expect(isSession(thread({ source: "exec", originator: "codex_exec" }))).toBe(false);
});

test("processes are told apart by their command lines", () => {
  const tui = ["/x/bin/codex", "--model", "gpt-5.1-codex"];
  const server = ["/h/packages/codex", "app-server", "--listen", "unix://"];
  const headless = ["codex", "--json", "exec", "do it"];
  expect([tui, server, headless].map(isTui)).toEqual([true, false, false]);
  expect([tui, server, headless].map(isAppServer)).toEqual([false, true, false]);
  expect([tui, server, headless].map(isHeadless)).toEqual([false, false, true]);
  expect(isTui(["codex", "resume", "--last"])).toBe(true);
  expect(isTui(["node", "/x/.bin/codex"])).toBe(false);
  expect(isAppServer(["vim", "app-server"])).toBe(false);
});
