import type { Budgets } from "../../src/core/index.ts";
import { LIMITS } from "../../src/protocol/index.ts";

/** For tests of other things, which may send as much as they like; only chains have a limit. */
export const NO_BUDGETS: Budgets = {
  pairPerMinute: 0,
  pairPerNight: 0,
  circlePerMinute: 0,
  threadDepth: LIMITS.hopsMax,
};

/** The same for daemons of their own: what a load of messages needs. */
export const NO_BUDGETS_ENV = {
  REPOWIRE_PAIR_PER_MINUTE: "0",
  REPOWIRE_PAIR_PER_NIGHT: "0",
  REPOWIRE_CIRCLE_PER_MINUTE: "0",
};
