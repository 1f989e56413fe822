import type { Context, Tx } from "../../src/core/index.ts";
import { exportPage } from "../../src/operations/export.ts";
import { createRunWriter, type MessageId, VERSION } from "../../src/protocol/index.ts";

/** Everything in a store as `repowire export` writes it, without a daemon. */
export function exportRun(tx: Tx, options: { bodies?: boolean; thread?: MessageId; since?: number } = {}): string {
  const bodies = options.bodies ?? true;
  let text = "";
  const writer = createRunWriter({ repowire: VERSION, exported_at: 0, epoch: "test", bodies }, (line) => {
    text += line;
  });
  let after: number | undefined = 0;
  while (after !== undefined) {
    // It reads through `tx` alone.
    const page = exportPage({ tx } as Context, { ...options, bodies, after, epoch: "test" });
    writer.page(page);
    after = page.cursor;
  }
  writer.end();
  return text;
}
