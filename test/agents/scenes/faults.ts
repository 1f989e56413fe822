import { answering, ask, askId, obedient, reply } from "../models.ts";
import type { Scene } from "./index.ts";

export const faultScenes: Scene[] = [
  {
    // @req daemon.replaceable
    name: "the daemon is killed while an ask is open: the waiting call still gets its answer",
    async run(world, { check, note }) {
      let mayAnswer = false;
      const backend = await world.session("backend", {
        channel: true,
        allow: ["Bash(sleep:*)", "Bash(true:*)"],
        model: async (turn) => {
          const id = askId(turn);
          if (id && turn.toolResults.length === 0) {
            while (!mayAnswer) await Bun.sleep(100);
            return [reply(id, "Answered after the kill.")];
          }
          return [{ say: "ok" }];
        },
      });
      const frontend = await world.session("frontend", { channel: true, model: obedient });
      await frontend.type("ASK backend: Will this survive?");
      await world.until("backend has it", () => backend.api.turns.some((turn) => askId(turn) !== undefined));
      await world.killDaemon();
      const killedAt = Date.now();
      await world.startDaemon();
      mayAnswer = true;
      const text = await world.until(
        "frontend reads the answer",
        () =>
          frontend.api.turns
            .flatMap((turn) => turn.toolResults)
            .find((result) => result.includes("Answered after the kill.")),
        30_000,
      );
      note(`answer ${Date.now() - killedAt} ms after the kill`);
      check("as the result of the very call that waited", /^backend answered in/.test(text), text);
      const shown = backend.api.turns.filter((turn) => turn.text.includes("Will this survive?") && askId(turn)).length;
      check("backend read the question once", shown === 1, backend.api.turns);
      const trace = await world.trace("last");
      check("one attempt, answered", trace.deliveries[0]?.attempt === 1 && trace.ask?.state === "answered", trace);
      const late = frontend.api.turns.filter((turn) => turn.text.includes("Answered after the kill.")).length;
      check("frontend read the answer once", late === 1, frontend.api.turns);
    },
  },
  {
    // @req presence.lost-link
    name: "the channel is killed: the peer stays, one rung lower",
    async run(world, { check }) {
      // The tools died with the channel; SendMessage to the address in the frame is what is left.
      const backend = await world.session("backend", {
        channel: true,
        model: (turn) => {
          const to =
            turn.toolResults.length === 0 ? turn.text.match(/<cross-session-message from="([^"]+)"/)?.[1] : undefined;
          return to
            ? [{ call: "SendMessage", input: { to, message: "still here", summary: "answer" } }]
            : [{ say: "ok" }];
        },
      });
      const frontend = await world.session("frontend", { channel: true, model: obedient });
      const children = Bun.spawnSync(["pgrep", "-P", String(backend.pid), "-f", "channel-claude-code"], {
        stdout: "pipe",
      })
        .stdout.toString()
        .trim()
        .split("\n")
        .filter(Boolean);
      check("the channel is one child of the session", children.length === 1, children);
      process.kill(Number(children[0]), "SIGKILL");
      await world.until("the rung is lower", async () =>
        (await world.mesh.peers({})).peers.some(
          (peer) =>
            peer.name === "backend" && peer.delivery?.rung === "inbox_socket" && peer.presence.state !== "offline",
        ),
      );
      await frontend.type("ASK backend: Still there?");
      await world.until(
        "the answer arrives",
        () => frontend.api.turns.some((turn) => turn.text.includes("still here")),
        30_000,
      );
      const trace = await world.trace("last");
      check("it went by the inbox socket", trace.deliveries[0]?.rung === "inbox_socket", trace.deliveries);
    },
  },
  {
    // @req conversation.shown-again
    name: "/clear keeps the peer and presents the open question again",
    async run(world, { check }) {
      let isWilling = false;
      const keeper = await world.session("keeper", {
        channel: true,
        model: () => ({ steps: [{ say: "done" }], delayMs: 60_000 }),
      });
      await keeper.type("think");
      await world.until("keeper is busy", () => keeper.record()?.status === "busy");
      // It asks keeper, who is busy, and ends its turn: rightly so, so its own question stays open.
      const backend = await world.session("backend", {
        channel: true,
        model: (turn) => {
          const id = askId(turn);
          if (!id || turn.toolResults.length > 0) return [{ say: "I wait for keeper." }];
          return isWilling
            ? [reply(id, "After the clear.")]
            : [ask("keeper", "What do you keep?", { wait_seconds: 0 })];
        },
      });
      const frontend = await world.session("frontend", {
        channel: true,
        model: (turn) =>
          turn.toolResults.length > 0
            ? [{ say: "ok" }]
            : turn.text.includes("GO")
              ? [ask("backend", "Before the clear?", { wait_seconds: 1 })]
              : [{ say: "ok" }],
      });
      const before = (await world.mesh.peers({})).peers.find((peer) => peer.name === "backend");
      await frontend.type("GO");
      const shown = await world.until("backend saw it", () =>
        backend.api.turns.find((turn) => turn.text.includes("Before the clear?")),
      );
      await world.until("backend asked keeper", () => backend.api.turns.some((turn) => turn.toolResults.length > 0));
      await backend.idle();
      await Bun.sleep(1_000);
      const first = await world.trace(askId(shown) ?? "");
      isWilling = true;
      await backend.type("/clear");
      await world
        .until(
          "it is answered in the new conversation",
          async () => (await world.trace(first.id)).ask?.by === "reply",
          30_000,
        )
        .catch(() => undefined);
      const trace = await world.trace(first.id);
      const after = (await world.mesh.peers({})).peers.find((peer) => peer.name === "backend");
      check("the peer is the same", before?.id === after?.id && after?.presence.state !== "offline", { before, after });
      if (first.ask?.state === "open") {
        check(
          "the open question was presented again, with the same handle",
          trace.deliveries[0]?.attempt === 2 && trace.id === first.id,
          trace.steps,
        );
        check("and answered", trace.ask?.state === "answered" && trace.ask.by === "reply", trace.ask);
        check(
          "the repeat says so",
          backend.api.turns.some((turn) => turn.text.includes("Before the clear? (again)")),
          backend.api.turns.map((turn) => turn.text),
        );
      } else check("the question was open when the conversation was cleared", false, first.ask);
    },
  },
  {
    // @req gate.no-prompts
    name: "bypassPermissions: the message is held until the user says otherwise",
    async run(world, { check }) {
      const backend = await world.session("backend", {
        channel: true,
        mode: "bypassPermissions",
        model: answering(() => "released"),
      });
      const frontend = await world.session("frontend", { channel: true, model: obedient });
      await frontend.type("ASK backend: May I?");
      const text = await world.until(
        "frontend is told",
        () => frontend.api.turns.flatMap((turn) => turn.toolResults)[0],
      );
      check(
        "held, with the reason and the fix",
        /^held [a-z0-9]{5}: backend runs without permission prompts \(bypassPermissions\); fix: repowire peer inbound backend accept/.test(
          text,
        ),
        text,
      );
      await Bun.sleep(1_000);
      check("backend saw nothing", backend.api.turns.length === 0, backend.api.turns);
      const refused = world.cli("peer", "inbound", "backend", "accept");
      check("only a person may lift it", refused.exitCode === 77 && /Only a person/.test(refused.stderr), refused);
      const screen = await world.cliInTerminal("peer", "inbound", "backend", "accept");
      check("a person in a terminal lifts it", /1 held message released/.test(screen), screen);
      await world.until(
        "the answer arrives",
        () => frontend.api.turns.some((turn) => turn.text.includes("released")),
        30_000,
      );
      check("then it is answered", (await world.trace("last")).ask?.state === "answered");
    },
  },
  {
    // @req failures.told
    name: "usage limit: the asker is told until when, and the question waits for the reset",
    async run(world, { check, note }) {
      const reset = Math.floor(Date.now() / 1000) + 12;
      let isLimited = true;
      const unified = {
        status: "rejected",
        reset: String(reset),
        "representative-claim": "five_hour",
        "5h-status": "rejected",
        "5h-reset": String(reset),
      };
      const headers = Object.fromEntries(
        Object.entries(unified).map(([key, value]) => [`anthropic-ratelimit-unified-${key}`, value]),
      );
      const backend = await world.session("backend", {
        channel: true,
        env: { ANTHROPIC_API_KEY: "", CLAUDE_CODE_OAUTH_TOKEN: "test-token-that-opens-nothing" },
        model: (turn) => {
          if (isLimited)
            return { steps: [], error: { status: 429, type: "rate_limit_error", message: "limited", headers } };
          const id = askId(turn);
          return id ? [reply(id, "Back again.")] : [{ say: "ok" }];
        },
      });
      const frontend = await world.session("frontend", { channel: true, model: obedient });
      await frontend.type("ASK backend: Any budget left?");
      const text = await world.until(
        "frontend is told",
        () => frontend.api.turns.flatMap((turn) => turn.toolResults)[0],
        20_000,
      );
      check("with the words and the time", /usage limit until \d\d:\d\d/.test(text), text);
      const peer = (await world.mesh.peers({})).peers.find((candidate) => candidate.name === "backend");
      check(
        "presence is limited until the reset",
        peer?.presence.state === "limited" && peer.presence.until === reset * 1000,
        peer?.presence,
      );
      isLimited = false;
      await world.until(
        "it is answered after the reset",
        async () => (await world.trace("last")).ask?.state === "answered",
        40_000,
      );
      const trace = await world.trace("last");
      check(
        "repeated with the same handle after the reset",
        (trace.deliveries[0]?.attempt ?? 0) >= 2 && trace.ask?.by === "reply",
        trace.steps,
      );
      note(
        trace.steps.map((step) => `${step.state} ${step.at} ms${step.detail ? ` (${step.detail})` : ""}`).join(" · "),
      );
      check(
        "backend's model answered once",
        backend.api.turns.filter((turn) => turn.toolResults.some((result) => result.startsWith("answered"))).length <=
          1,
      );
    },
  },
  {
    name: "model error: the asker is told at once",
    async run(world, { check }) {
      await world.session("backend", {
        channel: true,
        model: () => ({
          steps: [],
          error: { status: 400, type: "invalid_request_error", message: "prompt is too long" },
        }),
      });
      const frontend = await world.session("frontend", { channel: true, model: obedient });
      await frontend.type("ASK backend: Too much?");
      const text = await world.until(
        "frontend is told",
        () => frontend.api.turns.flatMap((turn) => turn.toolResults)[0],
        30_000,
      );
      check("in those words", /no answer .*model failed/.test(text), text);
      check("the ask failed as model_error", (await world.trace("last")).ask?.reason === "model_error");
    },
  },
];
