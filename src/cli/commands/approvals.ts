import { Command } from "@commander-js/extra-typings";
import type { Approval } from "../../protocol/index.ts";
import { cleanLine, cleanText, duration } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson, table } from "../output.ts";

/** Tool calls that wait for a person. Deciding needs a terminal of your own, outside any agent. */

export function approvalsCommand(context: CliContext) {
  return new Command("approvals")
    .description("tool calls that wait for you")
    .option("-a, --all", "also those that are decided")
    .option("--json", "print JSON")
    .action(async (options) => {
      const { approvals } = await (await context.mesh()).approvals({ all: options.all });
      if (options.json) return printJson({ approvals });
      if (approvals.length === 0) return print("Nothing waits for you.");
      const now = Date.now();
      print(
        table(
          ["ID", "SESSION", "TOOL", "STATE", "WAITS", "WHAT"],
          approvals.map((approval) => row(approval, now)),
        ),
      );
      for (const approval of approvals) {
        // What runs after a yes is read whole first.
        if (approval.state === "pending" && whatOf(approval).length > PREVIEW_CHARS)
          print(`\n${approval.handle}: ${cleanText(approval.description ?? "")}\n${cleanText(approval.preview)}`);
      }
      print("\nDecide with: repowire approve ID   or   repowire deny ID [reason]");
    });
}

const PREVIEW_CHARS = 80;

function whatOf(approval: Approval): string {
  const preview = cleanLine(approval.preview);
  return approval.description ? `${cleanLine(approval.description)}: ${preview}` : preview;
}

function row(approval: Approval, now: number): string[] {
  const what = whatOf(approval);
  return [
    approval.handle,
    approval.peer_name,
    cleanLine(approval.tool),
    approval.state,
    duration((approval.decided_at ?? now) - approval.requested_at),
    what.length > PREVIEW_CHARS ? `${what.slice(0, PREVIEW_CHARS)}…` : what,
  ];
}

export function approveCommand(context: CliContext) {
  return new Command("approve")
    .description("allow a tool call that waits for you")
    .argument("<id>", "the five-character id")
    .option("--json", "print JSON")
    .action((id, options) => decide(context, id, "allow", undefined, options));
}

export function denyCommand(context: CliContext) {
  return new Command("deny")
    .description("deny a tool call that waits for you")
    .argument("<id>", "the five-character id")
    .argument("[reason...]", "what the model is told")
    .option("--json", "print JSON")
    .action((id, reason, options) => decide(context, id, "deny", reason.join(" ") || undefined, options));
}

async function decide(
  context: CliContext,
  id: string,
  verdict: "allow" | "deny",
  reason: string | undefined,
  options: { json?: true },
): Promise<void> {
  const { approval } = await (await context.mesh()).decide({ id, verdict, reason });
  if (options.json) return printJson({ approval });
  const what = cleanText(approval.preview).split("\n")[0]?.slice(0, PREVIEW_CHARS) ?? "";
  print(`${approval.state}: ${approval.peer_name}, ${cleanLine(approval.tool)}: ${what}`);
}
