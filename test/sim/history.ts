import * as fc from "fast-check";

/**
 * A history: what befalls a mesh, as numbers that pick among what there is, so that every list of them means something and shrinks to
 * few. Whatever else chance decides (how long a frame takes, what a model does) follows from `seed`.
 */
const GAPS = [0, 0, 0, 1, 1, 5, 5, 40, 40, 300, 300, 1_500, 1_500, 4_500, 12_000] as const;
const gap = fc.constantFrom(...GAPS);
const who = fc.nat({ max: 1_000 });
const urgency = fc.constantFrom("normal", "normal", "normal", "urgent", "fyi");
const step = <T extends string, R extends Record<string, fc.Arbitrary<unknown>>>(type: T, rest: R) =>
  fc.record({ type: fc.constant(type), gap, ...rest }) as fc.Arbitrary<
    { type: T; gap: number } & { [K in keyof R]: R[K] extends fc.Arbitrary<infer V> ? V : never }
  >; // `record` gives exactly these keys; its own type is too wide to be told from the others by `type`

const ACTION = fc.oneof(
  { weight: 16, arbitrary: step("ask", { who, to: who, wait: fc.constantFrom(0, 1, 5, 20, 60), urgency }) },
  { weight: 3, arbitrary: step("ask_again", { who, which: who, wait: fc.constantFrom(0, 5, 20) }) },
  { weight: 12, arbitrary: step("notify", { who, to: who, urgency }) },
  { weight: 2, arbitrary: step("burst", { who, to: who, count: fc.integer({ min: 2, max: 30 }), urgency }) },
  {
    weight: 2,
    arbitrary: step("chatter", {
      who,
      to: who,
      count: fc.integer({ min: 4, max: 90 }),
      everyMs: fc.constantFrom(5, 100, 700),
    }),
  },
  { weight: 1, arbitrary: step("resume", {}) },
  { weight: 2, arbitrary: step("broadcast", { who }) },
  { weight: 3, arbitrary: step("cancel", { who, which: who }) },
  { weight: 3, arbitrary: step("inbox", { who }) },
  { weight: 3, arbitrary: step("look", { who, which: who, wait: fc.constantFrom(0, 5) }) },
  { weight: 2, arbitrary: step("forge", { who, which: who }) },
  { weight: 4, arbitrary: step("user", { who }) },
  { weight: 3, arbitrary: step("join_turn", { who }) },
  { weight: 4, arbitrary: step("interrupt", { who }) },
  { weight: 3, arbitrary: step("clear", { who }) },
  { weight: 2, arbitrary: step("compact", { who }) },
  {
    weight: 4,
    arbitrary: step("die", {
      who,
      what: fc.constantFrom("agent", "link"),
      steps: fc.constantFrom(0, 0, 1, 2, 3, 5, 8, 13, 21),
      backMs: fc.constantFrom(50, 1_000, 8_000, 60_000),
      resume: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: step("daemon_dies", { steps: fc.nat({ max: 40 }), downMs: fc.constantFrom(20, 500, 3_000, 20_000) }),
  },
  { weight: 1, arbitrary: step("daemon_stops", { downMs: fc.constantFrom(100, 2_000) }) },
  {
    weight: 4,
    arbitrary: step("disk", { kind: fc.constantFrom("full", "failed"), commits: fc.constantFrom(1, 1, 2, 3, 8, 40) }),
  },
  { weight: 6, arbitrary: step("cut", { who, half: fc.constantFrom("none", "none", "client", "server") }) },
  {
    weight: 3,
    arbitrary: step("weather", { lagMs: fc.constantFrom(0, 3, 200, 2_000, 9_000), repeats: fc.constantFrom(0, 0.2) }),
  },
  { weight: 3, arbitrary: step("gate", { who, policy: fc.constantFrom("accept", "hold", "refuse", "accept") }) },
  {
    weight: 3,
    arbitrary: step("plan", {
      who,
      to: who,
      seconds: fc.constantFrom(1, 5, 30, 90),
      missed: fc.constantFrom("run_once", "run_once", "skip"),
    }),
  },
  { weight: 3, arbitrary: step("watch", { who, to: who, moment: fc.constantFrom("idle", "waits", "ends", "ends") }) },
  { weight: 1, arbitrary: step("unplan", { which: who }) },
  { weight: 1, arbitrary: step("sleep", { ms: fc.constantFrom(10_000, 90_000_000) }) },
  { weight: 1, arbitrary: step("time", { ms: fc.constantFrom(60_000, 100_000) }) },
);
export type Action = typeof ACTION extends fc.Arbitrary<infer T> ? T : never;

const peers = fc.oneof(
  { weight: 85, arbitrary: fc.integer({ min: 2, max: 6 }) },
  { weight: 14, arbitrary: fc.integer({ min: 7, max: 20 }) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 200 }) },
);

export const HISTORY = fc.noBias(
  fc.record({
    seed: fc.nat(),
    peers,
    disk: fc.constantFrom("memory", "memory", "memory", "memory", "memory", "memory", "memory", "sqlite"),
    /** Small limits are reached. */
    limits: fc.constantFrom("real", "real", "real", "small"),
    actions: fc.array(ACTION, { minLength: 1, maxLength: 60, size: "max" }),
  }),
);
export type History = typeof HISTORY extends fc.Arbitrary<infer T> ? T : never;

export function describeHistory(history: History): string {
  const { actions, ...rest } = history;
  return [JSON.stringify(rest), ...actions.map((action) => `  ${JSON.stringify(action)}`)].join("\n");
}
