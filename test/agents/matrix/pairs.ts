import type { Model } from "../../support/model-script.ts";
import type { Checker } from "../check.ts";
import type { AgentDriver, AgentSession } from "../driver.ts";
import { answering, ask } from "../models.ts";
import type { World } from "../world.ts";
import { judge } from "./judge.ts";

/** Every runtime asks every runtime, its own kind too: two sessions of each, one asks and one answers. */
export interface PairResult {
  asker: string;
  answerer: string;
  seen?: string;
  by?: string;
  rung?: string;
  ms?: number;
}

/** Asks when its user says so, and repeats what it was told. */
const asker: Model = (turn) => {
  const last = turn.toolResults.at(-1);
  if (last !== undefined) return [{ say: `It says: ${last}` }];
  const [, peer, question] = turn.text.match(/ASK (\S+): (.+\?)/) ?? [];
  return peer && question ? [ask(peer, question)] : [{ say: "Hello." }];
};

const nameOf = (driver: AgentDriver, role: "asks" | "answers"): string => `${driver.runtime}-${role}`;

export async function runPairs(
  world: World,
  drivers: readonly AgentDriver[],
  { check }: Checker,
): Promise<PairResult[]> {
  const askers = new Map<AgentDriver, AgentSession>();
  const answerers = new Map<AgentDriver, AgentSession>();
  // One after the other: a CLI that starts takes the whole machine.
  for (const driver of drivers) {
    const model = answering((turn) => `${driver.runtime} says ${wordOf(turn.text) ?? "nothing"}`);
    answerers.set(driver, await driver.start(world, nameOf(driver, "answers"), { model }));
    askers.set(driver, await driver.start(world, nameOf(driver, "asks"), { model: asker }));
  }
  const results: PairResult[] = [];
  for (const [from, session] of askers)
    for (const [to, recipient] of answerers) results.push(await askOnce(world, session, recipient, from, to, check));
  return results;
}

const wordOf = (text: string): string | undefined => [...text.matchAll(/\bpair-[a-z0-9]+-x\b/g)].at(-1)?.[0];

async function askOnce(
  world: World,
  session: AgentSession,
  recipient: AgentSession,
  from: AgentDriver,
  to: AgentDriver,
  check: Checker["check"],
): Promise<PairResult> {
  const claim = `${from.runtime} asks ${to.runtime}`;
  const word = `pair-${crypto.randomUUID().slice(0, 8)}-x`;
  const expected = `${to.runtime} says ${word}`;
  const result: PairResult = { asker: from.runtime, answerer: to.runtime };
  try {
    await session.idle();
    await session.type(`ASK ${recipient.name}: What is ${word}?`);
    await world.until(
      `${claim}: the answer arrives`,
      () => session.api.turns.some((turn) => turn.toolResults.some((text) => text.includes(expected))),
      60_000,
    );
    const found = await world.trace("last");
    const verdict = await judge(world, recipient, found.id, word);
    check(`${claim}: its model reads the right answer`, true);
    check(`${claim}: ledger and transcript agree`, verdict.lies.length === 0 && verdict.shown === 1, verdict);
    const { steps, ask: asked, deliveries } = verdict.trace;
    return {
      ...result,
      seen: steps.find((step) => step.state === "seen")?.detail,
      by: asked?.by,
      rung: deliveries[0]?.rung,
      ms: steps.find((step) => step.state === "answered")?.at,
    };
  } catch (error) {
    check(`${claim}: its model reads the right answer`, false, {
      error: error instanceof Error ? error.message : String(error),
      asker: session.screen().slice(-1_500),
      recipient: recipient.screen().slice(-1_500),
    });
    return result;
  }
}
