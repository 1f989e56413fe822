import { readFileSync } from "node:fs";
import { join } from "node:path";
import { codex, codexWorld } from "../drivers/codex.ts";
import { answering, askId, bash } from "../models.ts";
import { asking, codexQueue, peerNamed, talking } from "./codex-help.ts";
import type { Scene } from "./index.ts";

export const codexTerminalScenes: Scene[] = [
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
