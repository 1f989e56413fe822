import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AgentSession } from "../agents/driver.ts";
import { CONDITIONS } from "../agents/matrix/index.ts";
import type { World } from "../agents/world.ts";
import { fileOf, TYPED } from "./model.ts";

/** What a condition found beside the messages. */
export interface Harm {
  drafts: number;
  dialogs: number;
}

export interface Scene {
  world: World;
  session: AgentSession;
  harm: Harm;
  longMs: number;
  /** A number that no staging of this run had before. */
  n: number;
  /** Resolves when a message of this staging is with the session. */
  presented(): Promise<void>;
  /** Milliseconds drawn from the seed. */
  drawn(below: number): number;
}

/** How the session comes into a condition, and out of it; messages are sent in between, and as it ends. */
export interface Staging {
  condition: string;
  allowShell?: boolean;
  /** Each staging has a session of its own. */
  isFresh?: boolean;
  /** Messages are on their way before the session is there. */
  isEarly?: boolean;
  /** The session does not outlive it. */
  isFatal?: boolean;
  /** The model thinks this long, drawn from the seed, as a share of the condition's length. */
  slow?: number;
  enter(scene: Scene): Promise<void>;
  leave(scene: Scene): Promise<void>;
}

const DRAFT = "half a thought of mine";
const nothing = async (): Promise<void> => {};

const STAGINGS: readonly Staging[] = [
  {
    condition: "idle",
    async enter({ session, n }) {
      await session.type(TYPED.hello(n));
      await session.idle();
    },
    leave: nothing,
  },
  {
    condition: "busy in a tool",
    allowShell: true,
    enter: (scene) => busy(scene, TYPED.tool(scene.n)),
    leave: nothing,
  },
  { condition: "streaming", enter: (scene) => busy(scene, TYPED.stream(scene.n)), leave: nothing },
  {
    condition: "permission dialog open",
    async enter({ session, n }) {
      await session.type(TYPED.dialog(n));
      await session.dialog();
    },
    async leave({ session, world, harm, n }) {
      const made = join(world.root, session.name, fileOf(n));
      if (!session.isDialogOpen() || existsSync(made)) harm.dialogs++;
      else session.allowOnce();
      await world.until("the person's verdict counted", () => existsSync(made));
    },
  },
  {
    condition: "half-typed draft",
    async enter({ session, world, n }) {
      await session.type(TYPED.hello(n));
      await session.idle();
      session.write(DRAFT);
      await world.until("the draft is on the screen", () => session.draft() === DRAFT);
    },
    async leave({ session, world, harm }) {
      if (session.draft() !== DRAFT || wasSent(session)) harm.drafts++;
      session.clearDraft();
      await world.until("the draft is gone", () => session.draft() === "");
    },
  },
  { condition: "just started", isFresh: true, isEarly: true, enter: nothing, leave: nothing },
  {
    condition: "session killed",
    isFresh: true,
    isFatal: true,
    slow: 0.5,
    enter: nothing,
    async leave(scene) {
      await scene.presented();
      await Bun.sleep(scene.drawn(scene.longMs / 2));
      await scene.session.kill();
    },
  },
  {
    condition: "daemon killed",
    slow: 0.5,
    enter: nothing,
    async leave(scene) {
      await scene.presented();
      await Bun.sleep(scene.drawn(scene.longMs / 2));
      await scene.world.killDaemon();
      await Bun.sleep(scene.drawn(2_000));
      await scene.world.startDaemon();
    },
  },
];

/** The conditions of the suite of agents that truth is measured over, in that order. */
export const TRUTH_STAGINGS: readonly Staging[] = CONDITIONS.slice(0, STAGINGS.length).map(({ name }) => {
  const staging = STAGINGS.find(({ condition }) => condition === name);
  if (!staging) throw new Error(`no staging for the condition "${name}"`);
  return staging;
});

/** Whether the person's unfinished words went out, alone or with a message of ours. */
export const wasSent = (session: AgentSession): boolean =>
  session.transcript().some((entry) => entry.from === "input" && entry.text.includes(DRAFT));

/** The first prompt of a CLI that has just started may take long: OpenCode's took 25 s on a quiet machine. */
const BUSY_MS = 60_000;

async function busy({ session, world }: Scene, text: string): Promise<void> {
  await session.idle();
  await session.type(text);
  await world.until(`${session.name} works`, () => session.api.turns.some((turn) => turn.text.includes(text)), BUSY_MS);
  await world.until(`${session.name} shows as busy`, async () =>
    (await world.mesh.peers({})).peers.some(({ name, presence }) => name === session.name && presence.state === "busy"),
  );
}
