import { LIMITS } from "../protocol/index.ts";
import type { Effect } from "./ports.ts";

type HandOver = Extract<Effect, { type: "deliver" }>;

/**
 * Hand-overs of one batch to the same route, made by different decisions, go out together: one frame and one report instead of one
 * for each message. What stands between them keeps its place; a withdrawal on that route parts them, since it must come neither
 * before what it withdraws nor after what is handed over anew.
 */
export function mergeHandOvers(effects: readonly Effect[]): Effect[] {
  const merged: Effect[] = [];
  const open = new Map<string, { at: number; handOver: HandOver }>();
  for (const effect of effects) {
    if (effect.type === "cancel") open.delete(effect.route);
    const before = effect.type === "deliver" ? open.get(effect.route) : undefined;
    if (effect.type !== "deliver") merged.push(effect);
    else if (before && before.handOver.items.length + effect.items.length <= LIMITS.deliverItemsMax) {
      before.handOver = { ...before.handOver, items: [...before.handOver.items, ...effect.items] };
      merged[before.at] = before.handOver;
    } else {
      open.set(effect.route, { at: merged.length, handOver: effect });
      merged.push(effect);
    }
  }
  return merged;
}
