import type { Model, ModelTurn, Step } from "../support/model-script.ts";

/** Small models for scenes: what a cooperative agent would do with what it reads. */

/** How a question's id stands in what each CLI shows its model. */
const FRAMES = [
  /kind=(?:"|&quot;)ask(?:"|&quot;) id=(?:"|&quot;)([a-z0-9]{5})/,
  /\[repowire ask ([a-z0-9]{5})\b/,
  /asks \(repowire ([a-z0-9]{5})\)/,
];

/** The id of the question that stands in this turn, however it came. */
export function askId(turn: ModelTurn): string | undefined {
  return FRAMES.map((frame) => turn.text.match(frame)?.[1]).find((id) => id !== undefined);
}

export const reply = (id: string, text: string): Step => ({ use: "reply", input: { id, text } });
export const ask = (peer: string, question: string, more: Record<string, unknown> = {}): Step => ({
  use: "ask_peer",
  input: { peer, question, ...more },
});
export const bash = (command: string): Step => ({ shell: command });

/** Answers each question with `text(question)` by the reply tool. */
export function answering(text: (turn: ModelTurn) => string, otherwise: Model = () => [{ say: "ok" }]): Model {
  return (turn) => {
    const id = turn.toolResults.length === 0 ? askId(turn) : undefined;
    return id ? [reply(id, text(turn))] : otherwise(turn);
  };
}

/** Does what its user types: `ask PEER: QUESTION`, `run COMMAND`; says the rest. */
export const obedient: Model = (turn) => {
  if (turn.toolResults.length > 0) return [{ say: `noted: ${turn.toolResults.at(-1)?.slice(0, 300)}` }];
  const asked = turn.text.match(/ASK (\S+): (.+)/);
  if (asked?.[1] && asked[2]) return [ask(asked[1], asked[2])];
  const run = turn.text.match(/RUN (.+)/);
  if (run?.[1]) return [bash(run[1])];
  return [{ say: "ok" }];
};
