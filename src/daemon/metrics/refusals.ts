import type { Operations } from "../../operations/index.ts";
import type { Metrics } from "./metrics.ts";

/** The same operations; what they refuse is counted, whatever the door. */
export function countRefusals(operations: Operations, metrics: Pick<Metrics, "refused">): Operations {
  return {
    async call(name, input, caller, options) {
      try {
        return await operations.call(name, input, caller, options);
      } catch (error) {
        metrics.refused(error);
        throw error;
      }
    },
  };
}
