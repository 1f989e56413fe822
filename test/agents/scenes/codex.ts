import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { createControlClient } from "../../../src/adapters/codex/control.ts";
import { QueuePage } from "../../../src/adapters/codex/wire.ts";
import type { Model } from "../../support/model-script.ts";
import { codex, codexWorld } from "../drivers/codex.ts";
import { answering, ask, askId, bash } from "../models.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

/** Answers in plain words: the turn's last message is the answer. */
const talking =
  (text: string): Model =>
  () => [{ say: text }];

const asking: Model = (turn) => {
  const last = turn.toolResults.at(-1);
  if (last !== undefined) return [{ say: `noted: ${last.slice(0, 200)}` }];
  const [, peer, question] = turn.text.match(/ASK (\S+): (.+\?)/) ?? [];
  return peer && question ? [ask(peer, question)] : [{ say: "Hello." }];
};

/** Works for a while on a peer's question, then answers it. */
const slow = (seconds: number): Model =>
  answering(
    () => "done",
    (turn) => (turn.text.includes("WORK") ? [bash(`sleep ${seconds}`)] : [{ say: "Hello." }]),
  );

async function peerNamed(world: World, name: string) {
  return (await world.mesh.peers({ include_offline: true })).peers.find((peer) => peer.name === name);
}

/** What waits in Codex's own queue, over all threads that its server has loaded; read past the daemon. */
async function codexQueue(world: World): Promise<string[]> {
  const { codexHome } = await codexWorld(world);
  const { promise, resolve } = Promise.withResolvers<void>();
  const control = createControlClient(codexHome, {
    onUp: resolve,
    onDown() {},
    onNotice() {},
    onRequest() {},
  });
  control.start();
  await promise;
  const loaded = await control.call("thread/loaded/list", {}, z.object({ data: z.array(z.string()) }));
  const ids: string[] = [];
  for (const threadId of loaded.data) {
    const page = await control.call("thread/queue/list", { threadId }, QueuePage).catch(() => ({ data: [] }));
    ids.push(...page.data.map((entry) => entry.clientUserMessageId));
  }
  control.stop();
  return ids;
}

const pendingApproval = (world: World) =>
  world.until("the request is relayed", async () => (await world.mesh.approvals({})).approvals[0], 15_000);

export const codexScenes: Scene[] = [
  {
    name: "codex: the last message of the turn is the answer, by id",
    async run(world, { check, note }) {
      await codex.start(world, "backend", { model: talking("Nine, says herd.ts.") });
      const frontend = await codex.start(world, "frontend", { model: asking });
      await frontend.type("ASK backend: How many?");
      const text = await world.until("frontend reads it", () =>
        frontend.api.turns.flatMap((turn) => turn.toolResults).find((result) => result.includes("Nine")),
      );
      check("the asker reads the answer as such", /^(Wall time.*\n.*)?backend answered in /s.test(text), text);
      const trace = await world.trace("last");
      check("answered by turn", trace.ask?.by === "turn" && trace.ask.state === "answered", trace.ask);
      check(
        "seen by the turn that took it in",
        trace.steps.some((step) => step.state === "seen"),
        trace.steps,
      );
      const peer = await peerNamed(world, "backend");
      check("its terminal is proven", peer?.identity === "proven", peer);
      check(
        "the push is proven",
        peer?.delivery?.rung === "push" && peer.delivery.proven_by === "turn",
        peer?.delivery,
      );
      note(trace.steps.map((step) => `${step.state} ${step.at} ms`).join(" · "));
    },
  },
  {
    name: "codex: two questions at once are two turns with two answers",
    async run(world, { check }) {
      const backend = await codex.start(world, "backend", {
        model: (turn) => ({
          steps: [{ say: turn.text.includes("first?") ? "answer to first" : "answer to second" }],
          delayMs: 1_000,
        }),
      });
      const [one, two] = await Promise.all([
        world.mesh.ask({ peer: "backend", question: "the first?", wait_seconds: 30 }),
        world.mesh.ask({ peer: "backend", question: "the second?", wait_seconds: 30 }),
      ]);
      check("the first has its own", one.state === "answered" && one.text.includes("answer to first"), one);
      check("the second has its own", two.state === "answered" && two.text.includes("answer to second"), two);
      check(
        "they entered one after the other",
        !backend.api.turns.some((turn) => turn.text.includes("first?") && turn.text.includes("second?")),
        backend.api.turns,
      );
    },
  },
  {
    name: "codex: Esc fails the question at once; what waits after it is held, and says so",
    async run(world, { check }) {
      const backend = await codex.start(world, "backend", {
        allowShell: true,
        model: (turn) => (askId(turn) && turn.text.includes("Long") ? [bash("sleep 30")] : [{ say: "Short answer." }]),
      });
      const first = world.mesh.ask({ peer: "backend", question: "Long work?", wait_seconds: 60 });
      await world.until("backend works", () => backend.api.turns.some((turn) => askId(turn) !== undefined));
      await Bun.sleep(1_500);
      backend.press("Escape");
      const outcome = await first;
      check("interrupted, in those words", outcome.state === "failed" && outcome.reason === "interrupted", outcome);
      await backend.idle();
      // Codex holds its queue only when something waited in it, or comes now.
      const second = await world.mesh.ask({ peer: "backend", question: "Short one?", wait_seconds: 3 });
      const held = second.state === "pending" ? second : undefined;
      const state = (await world.trace(second.id)).deliveries[0];
      if (second.state === "answered") check("an empty queue was not held: it ran at once", true);
      else {
        check("it is held, with the reason", state?.state === "held" && /Esc/.test(state.reason ?? ""), state);
        check("the asker was told", held !== undefined, second);
        await backend.type("go on");
        await world.until("it is answered after the user's turn", async () => {
          return (await world.trace(second.id)).ask?.state === "answered";
        });
        check("then it ran", true);
      }
    },
  },
  {
    name: "codex: a held question that is withdrawn leaves Codex's queue",
    async run(world, { check }) {
      const backend = await codex.start(world, "backend", { allowShell: true, model: slow(25) });
      await backend.type("WORK");
      await world.until("backend works", () => backend.api.turns.some((turn) => turn.text.includes("WORK")));
      await Bun.sleep(1_000);
      backend.press("Escape");
      await backend.idle();
      const asked = await world.mesh.ask({ peer: "backend", question: "Still there?", wait_seconds: 3 });
      const { message } = await world.trace(asked.id);
      check("it waits in Codex's queue", (await codexQueue(world)).includes(message), await codexQueue(world));
      await world.mesh.inbox({ id: asked.id, cancel: true });
      await world.until("it is out of Codex's queue", async () => !(await codexQueue(world)).includes(message));
      await backend.type("hello");
      await backend.idle();
      check("and never ran", !backend.api.turns.some((turn) => turn.text.includes("Still there?")), backend.api.turns);
    },
  },
  {
    name: "codex: a model error and a usage limit are told at once, in those words",
    async run(world, { check }) {
      const backend = await codex.start(world, "backend", {
        model: () => ({
          steps: [],
          error: { status: 400, type: "invalid_request_error", message: "scripted failure" },
        }),
      });
      const failed = await world.mesh.ask({ peer: "backend", question: "Well?", wait_seconds: 40 });
      check("model error", failed.state === "failed" && failed.reason === "model_error", failed);
      const at = Math.floor(Date.now() / 1_000) + 3_600;
      backend.api.setModel(() => ({
        steps: [],
        error: {
          status: 429,
          type: "usage_limit_reached",
          message: "limit",
          headers: {
            "x-codex-primary-used-percent": "100",
            "x-codex-primary-window-minutes": "300",
            "x-codex-primary-reset-at": String(at),
          },
        },
      }));
      const limited = await world.mesh.ask({ peer: "backend", question: "And now?", wait_seconds: 20 });
      check(
        "the asker is told of the limit",
        limited.state === "pending" && limited.recipient.presence.state === "limited",
        limited,
      );
      const peer = await peerNamed(world, "backend");
      check("until when, as Codex was told", peer?.presence.until === at * 1_000, peer?.presence);
      check("the question waits for the reset", (await world.trace(limited.id)).deliveries[0]?.state === "queued");
    },
  },
  {
    name: "codex: an approval is given from outside, another denied; the dialog closes both times",
    async run(world, { check }) {
      const backend = await codex.start(world, "backend", {
        model: (turn) => {
          const file = turn.toolResults.length === 0 ? turn.text.match(/TOUCH (\S+)/)?.[1] : undefined;
          return file ? [bash(`touch ${file}`)] : [{ say: "ok" }];
        },
      });
      await backend.type("TOUCH made-one");
      const first = await pendingApproval(world);
      check("tool and command are named", first.tool === "shell" && first.preview.includes("touch made-one"), first);
      await backend.dialog();
      check("the dialog is on the screen meanwhile", backend.isDialogOpen(), backend.screen());
      check("the session waits for its human", (await peerNamed(world, "backend"))?.presence.state === "waiting");
      const screen = await world.cliInTerminal("approve", first.handle);
      check("approved", /allowed: backend/.test(screen), screen);
      check(
        "the tool ran",
        await world.until("the file is there", () => existsSync(join(world.root, "backend", "made-one"))),
      );
      await backend.idle();
      check("the dialog closed", !backend.isDialogOpen(), backend.screen());
      await backend.type("TOUCH made-two");
      const second = await pendingApproval(world);
      await world.cliInTerminal("deny", second.handle);
      await world.until("the model reads the refusal", () =>
        backend.api.turns.some((turn) => turn.toolResults.some((text) => /reject/i.test(text))),
      );
      await backend.idle();
      check("the tool did not run", !existsSync(join(world.root, "backend", "made-two")));
      await backend.type("TOUCH made-three");
      const third = await pendingApproval(world);
      await backend.dialog();
      backend.allowOnce();
      await world.until("the person's own verdict counts", () => existsSync(join(world.root, "backend", "made-three")));
      await world.until("it is withdrawn", async () => (await world.mesh.approvals({})).approvals.length === 0);
      const late = await world.cliInTerminal("deny", third.handle);
      check("a late verdict reads already decided", /already decided: withdrawn/.test(late), late);
    },
  },
  {
    name: "codex: two terminals of one server are two peers, each call is its own; a gone terminal gets nothing",
    async run(world, { check }) {
      const api = await codex.start(world, "api", { model: asking, env: { REPOWIRE_NAME: "api-desk" } });
      const web = await codex.start(world, "web", { model: answering(() => "From web.") });
      check("the second terminal has its own name", (await peerNamed(world, "web"))?.pid === web.pid);
      check("the name of the first is its own wish", (await peerNamed(world, "api-desk"))?.pid === api.pid);
      await api.type("ASK web: Who are you?");
      await world.until("api reads it", () =>
        api.api.turns.some((turn) => turn.toolResults.some((text) => text.includes("From web."))),
      );
      const trace = await world.trace("last");
      check("asked by the one, answered by the other", trace.from === "api-desk" && trace.to.includes("web"), trace);
      await web.kill();
      const outcome = await world.mesh.ask({ peer: "web", question: "Still there?", wait_seconds: 4 });
      check(
        "the asker is told that it is offline",
        outcome.state === "pending" && outcome.recipient.presence.state === "offline",
        outcome,
      );
      check("nothing lies in Codex's queue", (await codexQueue(world)).length === 0, await codexQueue(world));
      const again = await codex.start(world, "web-2", { folder: "web", model: answering(() => "Back again.") });
      await world.until(
        "the next terminal there finds the mail",
        async () => (await world.trace(outcome.id)).ask?.state === "answered",
        30_000,
      );
      check("and is the same peer", (await peerNamed(world, "web"))?.pid === again.pid, await peerNamed(world, "web"));
    },
  },
  {
    name: "codex: /clear keeps the peer; news rides with the user's next turn",
    async run(world, { check }) {
      const backend = await codex.start(world, "backend", { model: answering(() => "After the clearing.") });
      await backend.type("hello");
      await backend.idle();
      const before = await peerNamed(world, "backend");
      await backend.type("/clear");
      await world.until("the terminal shows another thread", async () => {
        const { events } = await world.mesh.events({});
        return events.some((event) => event.type === "peer.conversation" && event.peer === before?.id);
      });
      const outcome = await world.mesh.ask({ peer: "backend", question: "After that?", wait_seconds: 30 });
      check(
        "it is reached in the new thread",
        outcome.state === "answered" && outcome.text.includes("After the clearing."),
        outcome,
      );
      check("as the same peer", (await peerNamed(world, "backend"))?.id === before?.id);
      await backend.idle();
      await world.mesh.notify({ peer: "backend", text: "The quota is doubled.", urgency: "fyi" });
      await Bun.sleep(1_500);
      check("news starts no turn", !backend.api.turns.some((turn) => turn.text.includes("quota")));
      await backend.type("hello again");
      await world.until("the model reads it with its user's words", () =>
        backend.api.turns.some(
          (turn) => turn.text.includes("hello again") && turn.text.includes("The quota is doubled."),
        ),
      );
      const trace = await world.until("it is seen", async () => {
        const found = await world.trace("last");
        return found.deliveries[0]?.state === "seen" && found;
      });
      check("seen, by the hook's own context", trace.deliveries[0]?.rung === "hook", trace.deliveries);
    },
  },
  {
    name: "codex: a command inside a session acts as that session, never as a person",
    async run(world, { check }) {
      const cli = world.cliCommand();
      // The first terminal's process is the parent of the server that runs everybody's commands.
      await codex.start(world, "first", { model: talking("ok") });
      const second = await codex.start(world, "second", {
        model: (turn) =>
          turn.toolResults.length === 0 && turn.text.includes("GO")
            ? [bash(`${cli} whoami; ${cli} approve abcde; env -u CODEX_THREAD_ID ${cli} whoami; true`)]
            : [{ say: "ok" }],
      });
      await second.type("GO");
      await second.dialog();
      second.allowOnce();
      const text = await world.until("it ran", () => second.api.turns.flatMap((turn) => turn.toolResults)[0], 30_000);
      check("it acts as its own session, not as the first", /second/.test(text) && !/You are first/i.test(text), text);
      check("it has none of a person's rights", /Only a person may do that/.test(text), text);
      check("its shell cannot forget where it runs", (text.match(/You are second/g) ?? []).length === 2, text);
    },
  },
  {
    name: "codex: an urgent word reaches a running turn at its next tool boundary",
    async run(world, { check }) {
      const backend = await codex.start(world, "backend", {
        allowShell: true,
        model: (turn) =>
          turn.toolResults.length === 0 && turn.text.includes("WORK")
            ? [bash("sleep 6; echo finished")]
            : [{ say: "ok" }],
      });
      await backend.type("WORK");
      await world.until("backend works", () => backend.api.turns.some((turn) => turn.text.includes("WORK")));
      await Bun.sleep(1_500);
      await world.mesh.notify({ peer: "backend", text: "Stop deploying.", urgency: "urgent" });
      const turn = await world.until("the model reads it", () =>
        backend.api.turns.find((candidate) => candidate.text.includes("Stop deploying.")),
      );
      check("together with the result of its tool, which ran to its end", /finished/.test(turn.text), turn.text);
      check("in our frame", /\[repowire notify [a-z0-9]{5} from [a-z]+\] Stop deploying\./.test(turn.text), turn.text);
    },
  },
  {
    name: "codex: before any setup, sessions that run are found and answer",
    async run(world, { check }) {
      const { home } = await codexWorld(world, { bare: true });
      let found: Awaited<ReturnType<typeof world.mesh.discover>> | undefined;
      await codex.start(world, "backend", {
        model: talking("Nothing was installed here."),
        async onReady() {
          await Bun.sleep(2_000);
          check(
            "it is no peer by itself",
            (await world.mesh.peers({})).peers.every((peer) => peer.runtime !== "codex"),
          );
          found = await world.mesh.discover({ env: { HOME: home } });
        },
      });
      check("it is found, as new", found?.found[0]?.is_new === true && found.found[0].peer.name === "backend", found);
      const outcome = await world.mesh.ask({ peer: "backend", question: "What is installed?", wait_seconds: 30 });
      check("it answers", outcome.state === "answered" && outcome.text.includes("Nothing was installed"), outcome);
      const again = await world.mesh.discover({ env: { HOME: home } });
      check("looking again finds the same", again.found.length === 1 && again.found[0]?.is_new === false, again);
    },
  },
  {
    name: "codex: a terminal without the shared server is a peer too, by its queue on disk",
    async run(world, { check, note }) {
      await codexWorld(world, { embedded: true });
      const backend = await codex.start(world, "backend", {
        model: (turn) => {
          const early = turn.toolResults.length === 0 && /Early one/.test(turn.text) ? askId(turn) : undefined;
          return early
            ? [{ use: "reply", input: { id: early, text: "Early bird." } }]
            : [{ say: "By the turn: eight." }];
        },
      });
      const peer = await peerNamed(world, "backend");
      check("it is proven by the lock that it holds", peer?.identity === "proven" && peer.pid === backend.pid, peer);
      const early = await world.mesh.ask({ peer: "backend", question: "Early one?", wait_seconds: 3 });
      const before = (await world.trace(early.id)).deliveries[0];
      check("before its first prompt nothing is claimed", before?.state === "queued", before);
      await backend.type("hello");
      await world.until("the hook brings it with the first prompt", async () => {
        return (await world.trace(early.id)).ask?.state === "answered";
      });
      check("answered by the tool", (await world.trace(early.id)).ask?.by === "reply");
      await backend.idle();
      await world.until(
        "the queue is open",
        async () => (await peerNamed(world, "backend"))?.delivery?.rung === "push",
      );
      const outcome = await world.mesh.ask({ peer: "backend", question: "How many?", wait_seconds: 40 });
      check("later ones go by the queue", outcome.state === "answered" && outcome.text.includes("eight"), outcome);
      const trace = await world.trace(outcome.id);
      check("answered by turn", trace.ask?.by === "turn" && trace.deliveries[0]?.attempt === 1, trace);
      note(trace.steps.map((step) => `${step.state} ${step.at} ms`).join(" · "));
      await backend.kill();
      await world.until("it is gone", async () => (await peerNamed(world, "backend"))?.presence.state === "offline");
    },
  },
  {
    name: "codex: a session that began while the daemon was away gets its tools when it is back",
    async run(world, { check }) {
      await codexWorld(world);
      await world.killDaemon();
      const frontend = await codex.start(world, "frontend", {
        model: (turn) =>
          turn.toolResults.length === 0 && turn.text.includes("WHO") ? [{ use: "whoami", input: {} }] : [{ say: "ok" }],
        // Its servers were tried and given up by then.
        async onReady() {
          await Bun.sleep(4_000);
          await world.startDaemon();
        },
      });
      await Bun.sleep(2_000);
      await frontend.type("WHO");
      const text = await world.until(
        "the tool answers",
        () => frontend.api.turns.flatMap((turn) => turn.toolResults)[0],
      );
      check("the tool knows who calls", /You are frontend/.test(text), text);
      const log = readFileSync(join(world.home, "logs", "daemon.log"), "utf8");
      const asked = log.split("\n").filter((line) => line.includes("asked Codex to start its MCP servers anew"));
      check("Codex was asked once to start its servers anew", asked.length === 1, asked);
    },
  },
  {
    name: "codex: the user's turn stays the user's; the model is reminded of the question once",
    async run(world, { check }) {
      const backend = await codex.start(world, "backend", {
        allowShell: true,
        model: (turn) => {
          const open = turn.text.match(/the question ([a-z0-9]{5}) from \S+ is still open/)?.[1];
          if (open) return [{ use: "reply", input: { id: open, text: "Sorry: nine." } }];
          if (turn.toolResults.length === 0 && turn.text.includes("WORK")) return [bash("sleep 5")];
          return [{ say: "Private words for my user." }];
        },
      });
      await backend.type("WORK");
      await world.until("backend works", () => backend.api.turns.some((turn) => turn.text.includes("WORK")));
      await Bun.sleep(1_500);
      const outcome = await world.mesh.ask({
        peer: "backend",
        question: "How many?",
        urgency: "urgent",
        wait_seconds: 40,
      });
      check(
        "the asker is told at once: seen, not answered",
        outcome.state === "pending" && outcome.recipient.delivery === "seen",
        outcome,
      );
      const trace = await world.until("it is answered after the reminder", async () => {
        const found = await world.trace(outcome.id);
        return found.ask?.state === "answered" && found;
      });
      check("by reply", trace.ask?.by === "reply", trace.ask);
      const answer = await world.mesh.inbox({ id: outcome.id });
      check("the user's words stayed private", !JSON.stringify(answer).includes("Private"), answer);
      const reminders = backend.api.turns.filter((turn) => /is still open/.test(turn.text)).length;
      check("reminded exactly once", reminders === 1, backend.api.turns);
    },
  },
];
