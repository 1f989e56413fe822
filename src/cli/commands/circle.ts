import { Command } from "@commander-js/extra-typings";
import type { Peer } from "../../protocol/index.ts";
import { plural } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson, table } from "../output.ts";
import { circleInboundCommand } from "./gate.ts";
import { moveCommand } from "./spawn.ts";

/** Circles: who sees whom. One is there as long as somebody is in it. */
export function circleCommand(context: CliContext) {
  const circle = new Command("circle").description("which sessions see one another");
  circle.addCommand(listCommand(context));
  circle.addCommand(moveCommand(context));
  circle.addCommand(circleInboundCommand(context));
  return circle;
}

const NAMES_SHOWN = 8;

function listCommand(context: CliContext) {
  return new Command("list")
    .description("the circles with who is in them")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nA session's circle: --circle, else REPOWIRE_CIRCLE, else `circle:` in the repository's .repowire.yaml, else that of whoever started it.",
    )
    .action(async (options) => {
      const { peers } = await (await context.mesh()).peers({ include_offline: true });
      const circles = circlesOf(peers);
      if (options.json) return printJson({ circles });
      if (circles.length === 0) return print("Nobody has joined yet.");
      print(
        table(
          ["CIRCLE", "ONLINE", "OFFLINE"],
          circles.map(({ circle, online, offline }) => [
            circle,
            online.slice(0, NAMES_SHOWN).join(", ") +
              (online.length > NAMES_SHOWN ? `, +${online.length - NAMES_SHOWN}` : ""),
            offline.length > 0 ? plural(offline.length, "empty seat") : "",
          ]),
        ),
      );
    });
}

/** By name; people and services reach every circle, so they are in none. */
export function circlesOf(peers: readonly Peer[]): { circle: string; online: string[]; offline: string[] }[] {
  const sessions = peers.filter((peer) => peer.role === "agent" || peer.role === "orchestrator");
  const names = (circle: string, isOnline: boolean) =>
    sessions
      .filter((peer) => peer.circle === circle && (peer.presence.state !== "offline") === isOnline)
      .map((peer) => peer.name);
  return [...new Set(sessions.map((peer) => peer.circle))]
    .sort()
    .map((circle) => ({ circle, online: names(circle, true), offline: names(circle, false) }));
}
