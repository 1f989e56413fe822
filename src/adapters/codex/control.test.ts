import { expect, test } from "bun:test";
import { z } from "zod";
import { type CodexAnswers, startCodexServer } from "../../../test/support/codex-server.ts";
import { tempHome } from "../../../test/support/temp-home.ts";
import { type ControlEvents, createControlClient } from "./control.ts";

const usual: CodexAnswers = (method) => {
  if (method === "server/diagnostics") return { process: { id: 4711 } };
  if (method === "thread/queue/list") return new Error("no rollout found for thread id");
  return {};
};

function events(): ControlEvents & {
  ups: PromiseWithResolvers<void>;
  downs: PromiseWithResolvers<void>;
  heard: unknown[];
} {
  const ups = Promise.withResolvers<void>();
  const downs = Promise.withResolvers<void>();
  const heard: unknown[] = [];
  return {
    ups,
    downs,
    heard,
    onUp: () => ups.resolve(),
    onDown: () => downs.resolve(),
    onNotice: (method, params) => void heard.push([method, params]),
    onRequest: (id, method) => void heard.push([id, method]),
  };
}

test("it greets, learns the server's process and that there is a queue", async () => {
  using home = tempHome();
  const server = startCodexServer(home.path, usual);
  const heard = events();
  const client = createControlClient(home.path, heard);
  client.start();
  await heard.ups.promise;
  expect([client.isUp, client.serverPid, client.canQueue]).toEqual([true, 4711, true]);
  expect(server.calls.slice(0, 2).map((call) => call.method)).toEqual(["initialize", "initialized"]);
  expect(server.calls[0]?.params).toMatchObject({ capabilities: { experimentalApi: true } });
  client.stop();
  await server.stop();
});

test("an older server without the queue is recognised as such", async () => {
  using home = tempHome();
  const server = startCodexServer(home.path, (method, params) =>
    method === "thread/queue/list"
      ? new Error("Invalid request: unknown variant `thread/queue/list`")
      : usual(method, params),
  );
  const heard = events();
  const client = createControlClient(home.path, heard);
  client.start();
  await heard.ups.promise;
  expect(client.canQueue).toBe(false);
  client.stop();
  await server.stop();
});

test("refusals carry the server's words, foreign answers are said to be unknown", async () => {
  using home = tempHome();
  const server = startCodexServer(home.path, (method, params) => {
    if (method === "thread/read") return new Error("no such thread");
    return method === "thread/loaded/list" ? { data: "not a list" } : usual(method, params);
  });
  const heard = events();
  const client = createControlClient(home.path, heard);
  client.start();
  await heard.ups.promise;
  const list = z.object({ data: z.array(z.string()) });
  expect(client.call("thread/read", {}, list)).rejects.toThrow("Codex refused thread/read: no such thread");
  expect(client.call("thread/loaded/list", {}, list)).rejects.toMatchObject({ code: "protocol_unsupported" });
  client.stop();
  await server.stop();
});

test("notices and requests are told apart, and an answer goes back under the request's id", async () => {
  using home = tempHome();
  const server = startCodexServer(home.path, usual);
  const heard = events();
  const client = createControlClient(home.path, heard);
  client.start();
  await heard.ups.promise;
  server.tell({ method: "thread/closed", params: { threadId: "t" } });
  server.tell({ id: 3, method: "item/commandExecution/requestApproval", params: {} });
  while (heard.heard.length < 2) await Bun.sleep(5);
  expect(heard.heard).toEqual([
    ["thread/closed", { threadId: "t" }],
    [3, "item/commandExecution/requestApproval"],
  ]);
  client.answer(3, { decision: "decline" });
  while (server.answers.length === 0) await Bun.sleep(5);
  expect(server.answers[0]).toMatchObject({ id: 3, result: { decision: "decline" } });
  client.stop();
  await server.stop();
});

test("it says that the server went, refuses calls meanwhile, and comes back with it", async () => {
  using home = tempHome();
  const first = startCodexServer(home.path, usual);
  let ups = 0;
  const heard = events();
  const client = createControlClient(home.path, { ...heard, onUp: () => void (++ups === 1 && heard.ups.resolve()) });
  client.start();
  await heard.ups.promise;
  await first.stop();
  await heard.downs.promise;
  expect(client.call("thread/loaded/list", {}, z.unknown())).rejects.toMatchObject({ code: "unavailable" });
  const second = startCodexServer(home.path, usual);
  while (ups < 2) await Bun.sleep(20);
  expect(client.isUp).toBe(true);
  client.stop();
  await second.stop();
});
