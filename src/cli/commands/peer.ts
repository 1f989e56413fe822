import { Command } from "@commander-js/extra-typings";
import { type AskOutcome, namesIn, type Peer } from "../../protocol/index.ts";
import { askText, cleanLine, duration, plural, resultText, rollUpText, timeOfDay } from "../../words/index.ts";
import { attachFiles } from "../attach.ts";
import { CancelledError } from "../cancelled.ts";
import type { CliContext } from "../context.ts";
import { number } from "../number.ts";
import { print, printJson, table } from "../output.ts";
import { CLI_TOOLS, EXIT_PENDING } from "../tools.ts";
import { attachCommand, killCommand, moveCommand, newCommand, restartCommand, resumeCommand } from "./spawn.ts";

const STOPPED_WAITING =
  "No longer waiting; the question stays open and its answer is kept. `repowire inbox` shows it, `repowire inbox ID --cancel` withdraws it.";

export function peerCommand(context: CliContext): Command {
  const peer = new Command("peer").description("the sessions and people of the mesh");
  peer.addCommand(listCommand(context));
  peer.addCommand(askCommand(context));
  peer.addCommand(notifyCommand(context));
  peer.addCommand(renameCommand(context));
  peer.addCommand(inboundCommand(context));
  peer.addCommand(roleCommand(context));
  peer.addCommand(newCommand(context));
  peer.addCommand(attachCommand(context));
  peer.addCommand(restartCommand(context));
  peer.addCommand(resumeCommand(context));
  peer.addCommand(killCommand(context));
  peer.addCommand(moveCommand(context));
  return peer;
}

function listCommand(context: CliContext) {
  return new Command("list")
    .description("who is there, what they do, and how messages reach them")
    .option("-a, --all", "also empty seats, whose mailboxes keep messages")
    .option("--circle <name>", "only this circle")
    .option("--json", "print JSON")
    .action(async (options) => {
      const mesh = await context.mesh();
      const output = await mesh.peers({ include_offline: options.all, circle: options.circle });
      if (options.json) return printJson(output);
      if (output.peers.length === 0) {
        return print(
          "No session has joined yet. `repowire discover` finds sessions that already run; `repowire setup` connects your agent CLIs, and sessions join as they start. `repowire peer list --all` shows empty seats.",
        );
      }
      print(peerTable(output.peers));
    });
}

export function peerTable(peers: readonly Peer[]): string {
  const now = Date.now();
  return table(
    ["NAME", "RUNTIME", "PRESENCE", "DELIVERY", "UNREAD", "PATH", "DOING"],
    peers.map((peer) => row(peer, now)),
  );
}

function row(peer: Peer, now: number): string[] {
  const { presence, delivery } = peer;
  const detail = presence.detail && presence.state !== "offline" ? ` (${cleanLine(presence.detail)})` : "";
  const since = presence.state === "online" ? "" : ` since ${timeOfDay(presence.since, now)}`;
  const proof = delivery
    ? delivery.proven_by
      ? `${delivery.rung}, proven${delivery.latency_ms === undefined ? "" : ` ${duration(delivery.latency_ms)}`}`
      : `${delivery.rung}, unproven`
    : "";
  const held = peer.inbound === "accept" ? "" : `, ${peer.inbound}`;
  return [
    peer.circle === "default" ? peer.name : `${peer.name}@${peer.circle}`,
    peer.role === "agent" ? peer.runtime : `${peer.runtime} (${peer.role})`,
    `${presence.state}${detail}${since}`,
    `${proof}${held}`,
    peer.unread > 0 ? String(peer.unread) : "",
    `${peer.path ?? ""}${peer.branch ? ` (${cleanLine(peer.branch)})` : ""}`,
    peer.description ? cleanLine(peer.description) : "",
  ];
}

function askCommand(context: CliContext) {
  return new Command("ask")
    .description("ask a peer and wait for its answer")
    .argument("<peer>", "name, name@circle, or id; several: backend,api")
    .argument("<question...>", "one self-contained question")
    .option("-w, --wait <seconds>", "how long to wait; the answer is kept when it comes later", number, 90)
    .option("--urgent", "reach a busy session at its next tool boundary")
    .option("--attach <file...>", "files that go with it")
    .option("--json", "print JSON")
    .action(async (name, words, options) => {
      const mesh = await context.mesh();
      const abort = new AbortController();
      process.once("SIGINT", () => abort.abort());
      const stopped = (error: unknown): never => {
        throw abort.signal.aborted ? new CancelledError(STOPPED_WAITING) : error;
      };
      const asked = {
        question: words.join(" "),
        wait_seconds: options.wait,
        urgency: options.urgent ? ("urgent" as const) : ("normal" as const),
        attachments: await attachFiles(mesh, options.attach),
      };
      const peers = namesIn(name);
      if (peers.length > 1) {
        const rolled = await mesh.ask_several({ ...asked, peers }, { signal: abort.signal }).catch(stopped);
        if (options.json) printJson(rolled);
        else print(rollUpText(rolled, { tools: CLI_TOOLS, now: Date.now() }));
        const areAll = rolled.asked.every(({ outcome }) => outcome.state === "answered");
        if (!areAll || rolled.not_asked.length > 0) process.exitCode = EXIT_PENDING;
        return;
      }
      const outcome = await mesh.ask({ ...asked, peer: name }, { signal: abort.signal }).catch(stopped);
      if (options.json) printJson(outcome);
      else printOutcome(outcome);
      if (outcome.state !== "answered") process.exitCode = outcome.state === "pending" ? EXIT_PENDING : 1;
    });
}

function printOutcome(outcome: AskOutcome): void {
  print(askText(outcome, { tools: CLI_TOOLS, now: Date.now() }));
  if (outcome.state === "pending")
    print(`\nLater: repowire inbox ${outcome.id}   What is proven so far: repowire trace ${outcome.id}`);
}

function notifyCommand(context: CliContext) {
  return new Command("notify")
    .description("tell a peer something, one way")
    .argument("<peer>", "name, name@circle, or id")
    .argument("<text...>", "what it should know")
    .option("--fyi", "start no turn; it is read with the next one")
    .option("--urgent", "reach a busy session at its next tool boundary")
    .option("--attach <file...>", "files that go with it")
    .option("--json", "print JSON")
    .action(async (name, words, options) => {
      const mesh = await context.mesh();
      const attachments = await attachFiles(mesh, options.attach);
      const urgency = options.urgent ? "urgent" : options.fyi ? "fyi" : "normal";
      const output = await mesh.notify({ peer: name, text: words.join(" "), urgency, attachments });
      if (options.json) printJson(output);
      else print(resultText("notify", output, { tools: CLI_TOOLS, now: Date.now() }));
    });
}

function renameCommand(context: CliContext) {
  return new Command("rename")
    .description("give a peer another name; it keeps its mailbox")
    .argument("<peer>", "name, name@circle, or id")
    .argument("<name>", "the new name")
    .option("--json", "print JSON")
    .action(async (peer, name, options) => {
      const output = await (await context.mesh()).rename({ peer, name });
      if (options.json) printJson(output);
      else print(`${output.was} is now ${output.peer.name}.`);
    });
}

function roleCommand(context: CliContext) {
  return new Command("role")
    .description("appoint a session as orchestrator, for as long as it runs, or take that back (agent)")
    .argument("<peer>", "name, name@circle, or id")
    .argument("<role>", "orchestrator | agent")
    .option("--json", "print JSON")
    .action(async (peer, role, options) => {
      // The daemon refuses what is neither, with their names.
      const output = await (await context.mesh()).set_role({ peer, role: role as "agent" });
      if (options.json) return printJson(output);
      const what =
        output.peer.role === "orchestrator"
          ? "orchestrator: its messages are tasks to others, it sees all circles, and may end sessions"
          : "agent";
      print(`${output.peer.name} is now ${what} (was ${output.was}).`);
    });
}

function inboundCommand(context: CliContext) {
  return new Command("inbound")
    .description("what happens to messages for a peer: accept, hold, refuse, or auto (the rule for its mode)")
    .argument("<peer>", "name, name@circle, or id")
    .argument("<policy>", "accept | hold | refuse | auto")
    .option("--json", "print JSON")
    .action(async (peer, policy, options) => {
      // The daemon refuses what is none of the four, with their names.
      const output = await (await context.mesh()).set_inbound({ peer, policy: policy as "accept" });
      if (options.json) return printJson(output);
      const released = output.released > 0 ? ` ${plural(output.released, "held message")} released.` : "";
      print(
        `${output.peer.name}: messages are now on ${output.peer.inbound}${output.peer.inbound_reason ? ` (${output.peer.inbound_reason})` : ""}.${released}`,
      );
    });
}
