import { existsSync } from "node:fs";
import { join } from "node:path";
import { codex } from "../drivers/codex.ts";
import { askId, bash } from "../models.ts";
import { asking, codexQueue, peerNamed, pendingApproval, slow, talking } from "./codex-help.ts";
import type { Scene } from "./index.ts";

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
];
