import { duplicates, order, recipients } from "./arrivals.ts";
import { budgets } from "./budgets.ts";
import type { Check } from "./check.ts";
import { answers, captured, claims, stored } from "./honesty.ts";
import { later } from "./later.ts";
import { loss } from "./loss.ts";
import { moves } from "./moves.ts";
import { ends, limits, loops } from "./waits.ts";

export const CHECKS: readonly Check[] = [
  loss,
  recipients,
  duplicates,
  order,
  moves,
  ends,
  limits,
  budgets,
  loops,
  captured,
  answers,
  stored,
  claims,
  later,
];
