import { Command } from "@commander-js/extra-typings";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";
import { collectOverview } from "../overview.ts";
import { createRateCounter } from "../top/rates.ts";
import { headline, sorted, topTable } from "../top/view.ts";

/** The mesh as a live table: who waits on a person first. Without a terminal it prints one table and ends. */
export function topCommand(context: CliContext) {
  return new Command("top")
    .description("the mesh as a live table in this terminal; q ends it")
    .option("--json", "print one snapshot as JSON")
    .addHelpText(
      "after",
      "\nKeys: q ends it, s sorts by who waits, by name or by messages, the arrows scroll.\nIN and OUT: open questions to answer, and asked. REACHED BY: how a message gets there, and how long the last proven one took.",
    )
    .action(async (options) => {
      const mesh = await context.mesh();
      if (!options.json && process.stdout.isTTY && process.stdin.isTTY) {
        const { runTop } = await import("../top/run.ts");
        return runTop(context);
      }
      const { noteLastMinute } = await import("../top/run.ts");
      const counter = createRateCounter();
      await noteLastMinute(mesh, counter);
      const overview = await collectOverview(context, mesh);
      const now = Date.now();
      const rates = counter.rates(now);
      const peers = sorted(overview.peers, "who waits", rates);
      if (options.json) {
        const counted = peers.map((peer) => ({ ...peer, messages_per_minute: rates.get(peer.id) ?? 0 }));
        return printJson({ ...overview, peers: counted });
      }
      print([headline(overview, now), "", ...topTable(peers, rates, Number.POSITIVE_INFINITY, now)].join("\n"));
    });
}
