import { Command } from "@commander-js/extra-typings";
import { ensureDaemon, eventStream } from "../../client/index.ts";
import type { MeshEvent, OperationOutput } from "../../protocol/index.ts";
import { cleanLine, duration } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { number } from "../number.ts";
import { print, printJson } from "../output.ts";

export function traceCommand(context: CliContext) {
  return new Command("trace")
    .description("what is proven about a message, step by step")
    .argument("<id>", "the five-character id, or `last`")
    .option("--json", "print JSON")
    .action(async (id, options) => {
      const trace = await (await context.mesh()).trace({ id });
      if (options.json) printJson(trace);
      else print(traceText(trace));
    });
}

type Trace = OperationOutput<"trace">;

/** The line that says it all, then each step with its evidence. */
export function traceText(trace: Trace): string {
  const head = `${trace.kind} ${trace.id}  ${trace.from} → ${trace.to.join(", ")}  "${cleanLine(trace.excerpt)}"`;
  const line = [
    "accepted 0 ms",
    ...trace.steps
      .filter((step) => IN_LINE.has(step.state))
      .map((step) => `${step.state} ${duration(step.at)}${step.detail ? ` (${cleanLine(step.detail)})` : ""}`),
  ].join(" · ");
  const steps = trace.steps.map(
    (step) =>
      `  ${duration(step.at).padStart(8)}  ${step.state}${step.peer ? `  ${step.peer}` : ""}${step.detail ? `  (${cleanLine(step.detail)})` : ""}`,
  );
  return [head, line, "", ...steps].join("\n");
}

const IN_LINE = new Set([
  "presented",
  "seen",
  "held",
  "refused",
  "expired",
  "dead",
  "cancelled",
  "answered",
  "declined",
  "failed",
]);

const HISTORY_SHOWN = 50;

export function logCommand(context: CliContext) {
  return new Command("log")
    .description("what happened in the mesh, newest last")
    .option("-f, --follow", "go on as it happens, until Ctrl-C")
    .option("-n, --lines <count>", "how many past events", number, HISTORY_SHOWN)
    .option("--json", "print one JSON event a line")
    .action(async (options) => {
      const mesh = await context.mesh();
      const names = new Map((await mesh.peers({ include_offline: true })).peers.map((peer) => [peer.id, peer.name]));
      const show = (event: MeshEvent) => (options.json ? printJson(event) : print(eventLine(event, names)));
      const { newest } = await mesh.events({ limit: 1 });
      let last = Math.max(0, newest - options.lines);
      for (let isMore = options.lines > 0; isMore; ) {
        const page = await mesh.events({ after: last });
        page.events.forEach(show);
        last = page.cursor;
        isMore = page.events.length > 0 && last < newest;
      }
      if (!options.follow) return;
      const abort = new AbortController();
      process.once("SIGINT", () => abort.abort());
      const after = Math.max(last, newest);
      for await (const event of eventStream(() => ensureDaemon(context.home), { after, signal: abort.signal }))
        show(event);
    });
}

export function eventLine(event: MeshEvent, names: ReadonlyMap<string, string>): string {
  const time = new Date(event.at).toISOString().slice(11, 23);
  const name = typeof event.data.name === "string" ? event.data.name : event.peer ? (names.get(event.peer) ?? "") : "";
  const facts = Object.entries(event.data)
    .filter(([key, value]) => key !== "name" && value !== undefined && value !== null && value !== "")
    .map(([key, value]) => `${key}=${cleanLine(typeof value === "string" ? value : JSON.stringify(value))}`)
    .join(" ");
  return `${time}  ${event.type.padEnd(20)} ${cleanLine(name).padEnd(14)} ${facts}`.trimEnd();
}
