import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AskOutcome } from "../../../src/protocol/index.ts";
import type { Model } from "../../support/model-script.ts";
import type { Checker } from "../check.ts";
import type { AgentSession } from "../driver.ts";
import { answering } from "../models.ts";
import type { World } from "../world.ts";
import { judge } from "./judge.ts";

/** In which state a recipient is when the question comes, and what must be true afterwards. The same for every runtime. */
export interface Condition {
  name: string;
  allowShell?: boolean;
  run(scene: ConditionScene): Promise<void>;
}

/** What a condition needs of the world around the session: a daemon, and somebody who asks. */
export type Stage = Pick<World, "root" | "mesh" | "trace" | "until" | "killDaemon" | "startDaemon">;

export interface ConditionScene {
  world: Stage;
  session: AgentSession;
  check: Checker["check"];
  /** Asks the recipient; resolves when the call returns. */
  ask(question: string, waitSeconds?: number): Promise<AskOutcome>;
  /** Milliseconds that count as long for this runtime: a turn that is under way when a question comes lasts this long. */
  longMs: number;
}

/** A word that stands in one question and nowhere else. */
export const WORD = "quagga";
const QUESTION = `How many ${WORD} are there?`;
export const ANSWER = "Seven, by src/herd.ts:7.";
const DRAFT = "half a thought of mine";

/** What the person types decides what the model does; questions of peers are answered. */
export const recipient = (longMs: number): Model =>
  answering(
    () => ANSWER,
    (turn) => {
      if (turn.toolResults.length > 0) return [{ say: "Done." }];
      if (/\bWORK\b/.test(turn.text)) return [{ shell: `node -e 'setTimeout(() => {}, ${longMs})'` }];
      if (/\bSTREAM\b/.test(turn.text))
        return { steps: [{ say: "Many words, one after the other. ".repeat(20) }], streamMs: longMs };
      if (/\bTOUCH\b/.test(turn.text)) return [{ shell: "touch made-by-the-model" }];
      return [{ say: "Hello." }];
    },
  );

async function answered({ world, session, check }: ConditionScene, outcome: AskOutcome): Promise<void> {
  const settled = outcome.state === "answered" ? outcome : await settledLater(world, outcome.id);
  check("it is answered", settled.state === "answered", settled);
  if (settled.state === "answered") check("with what the recipient said", settled.text.includes(ANSWER), settled.text);
  const verdict = await judge(world, session, outcome.id, WORD);
  check("ledger and transcript agree", verdict.lies.length === 0, verdict);
  check("it was shown once", verdict.shown === 1, verdict);
}

/** A call may return before the answer; then it is asked again by id, which waits and asks nobody twice. */
async function settledLater(world: Stage, id: string): Promise<AskOutcome> {
  const found = await world.mesh.inbox({ id, wait_seconds: 60 });
  if (found.type !== "ask") throw new Error(`${id} is no question of the asker`);
  return found.outcome;
}

export const CONDITIONS: readonly Condition[] = [
  {
    name: "idle",
    async run(scene) {
      await scene.session.type("hello");
      await scene.session.idle();
      await answered(scene, await scene.ask(QUESTION));
    },
  },
  {
    name: "busy in a tool",
    allowShell: true,
    async run(scene) {
      await busy(scene, "WORK");
      await answered(scene, await scene.ask(QUESTION));
    },
  },
  {
    name: "streaming",
    async run(scene) {
      await busy(scene, "STREAM");
      await answered(scene, await scene.ask(QUESTION));
    },
  },
  {
    name: "permission dialog open",
    async run(scene) {
      const { session, check, world } = scene;
      await session.type("TOUCH");
      await session.dialog();
      const asked = scene.ask(QUESTION);
      // Long enough for any push that would have gone wrong.
      await Bun.sleep(scene.longMs * 0.7);
      check("the dialog is still open", session.isDialogOpen(), session.screen());
      check("nobody answered it", !existsSync(join(world.root, session.name, "made-by-the-model")));
      session.allowOnce();
      await answered(scene, await asked);
      check("the person's verdict counted", existsSync(join(world.root, session.name, "made-by-the-model")));
    },
  },
  {
    name: "half-typed draft",
    async run(scene) {
      const { session, check, world } = scene;
      await session.type("hello");
      await session.idle();
      session.write(DRAFT);
      await world.until("the draft is on the screen", () => session.draft() === DRAFT);
      const asked = scene.ask(QUESTION);
      const inTime = await Promise.race([asked.then(() => true), Bun.sleep(scene.longMs).then(() => false)]);
      check("the draft is as it was", session.draft() === DRAFT, session.screen());
      // Where a draft stands in the way, the message waits for it; it is never sent with it.
      if (!inTime) session.clearDraft();
      await answered(scene, await asked);
      const texts = session.transcript().filter((entry) => entry.from === "input" && entry.text.includes(DRAFT));
      check("the draft was never sent", texts.length === 0, texts);
    },
  },
  {
    name: "just started",
    async run(scene) {
      await answered(scene, await scene.ask(QUESTION));
    },
  },
  {
    name: "session killed",
    async run(scene) {
      const { session, world, check } = scene;
      session.api.setModel(() => ({ steps: [{ say: "Too late." }], delayMs: scene.longMs * 5 }));
      const asked = scene.ask(QUESTION, 60);
      await world.until("the question is with the session", async () =>
        (await world.trace("last").catch(() => undefined))?.steps.some((step) => step.state === "presented"),
      );
      await session.kill();
      const outcome = await asked;
      const told =
        outcome.state === "pending"
          ? outcome.recipient.presence.state === "offline"
          : outcome.state === "failed" && outcome.reason === "session_gone";
      check("the asker is told, and nothing is claimed", told, outcome);
      const verdict = await judge(world, session, outcome.id, WORD);
      check("ledger and transcript agree", verdict.lies.length === 0, verdict);
      check("nobody claims an answer", verdict.trace.ask?.state !== "answered", verdict.trace.ask);
    },
  },
  {
    name: "daemon killed",
    async run(scene) {
      const { session, world, check } = scene;
      session.api.setModel((turn) => {
        const given = recipient(scene.longMs)(turn);
        return given instanceof Promise || !Array.isArray(given) ? given : { steps: given, delayMs: scene.longMs / 2 };
      });
      // The call's own connection ends with the daemon; the question does not.
      const asked = scene.ask(QUESTION).catch(() => undefined);
      const { id } = await world.until("the question is with the session", async () => {
        const trace = await world.trace("last").catch(() => undefined);
        return trace?.steps.some((step) => step.state === "presented") && trace;
      });
      await world.killDaemon();
      await asked;
      await world.startDaemon();
      await world.until("the ask ends", async () => (await world.trace(id)).ask?.state !== "open", 60_000);
      const trace = await world.trace(id);
      check("it is answered all the same", trace.ask?.state === "answered", trace);
      const verdict = await judge(world, session, id, WORD);
      check("ledger and transcript agree", verdict.lies.length === 0, verdict);
      check("it was shown once", verdict.shown === 1, verdict);
    },
  },
];

async function busy({ session, world }: ConditionScene, word: string): Promise<void> {
  await session.type(word);
  await world.until(`${session.name} works`, () => session.api.turns.some((turn) => turn.text.includes(word)));
}
