import { Command } from "@commander-js/extra-typings";
import { type Mesh, type OperationOutput, type Places, PlaceVariable } from "../../protocol/index.ts";
import { plural } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson } from "../output.ts";
import { peerTable } from "./peer.ts";

export function discoverCommand(context: CliContext) {
  return new Command("discover")
    .description("find agent sessions that already run, before any setup, and let them join")
    .option("--json", "print JSON")
    .action(async (options) => {
      const mesh = await context.mesh();
      const output = await discoverSessions(mesh);
      const { peers } = await mesh.peers({});
      if (options.json) return printJson({ ...output, peers });
      print(discoveryText(output, peers));
    });
}

/** Looks where this terminal's environment says that the CLIs keep their things. */
export const discoverSessions = (mesh: Mesh) => mesh.discover({ env: placesOf(process.env) });

function placesOf(env: Record<string, string | undefined>): Places {
  return Object.fromEntries(PlaceVariable.options.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

const SETUP_ADDS = [
  "What `repowire setup` adds (it shows a plan first, and `repowire uninstall` takes it all back):",
  "  sessions ask each other: the tools ask_peer, reply, notify_peer, … in each of them",
  "  new sessions join by themselves, of every agent CLI that is on this machine",
  "  receipts by hooks, and permission requests decided from any terminal",
].join("\n");

/** To a newcomer, who has nothing to read first. */
export function discoveryText(
  { found, unreachable }: OperationOutput<"discover">,
  peers: OperationOutput<"peers">["peers"],
): string {
  const parts: string[] = [];
  if (peers.length > 0) parts.push(`${heading(found, peers.length)}\n\n${peerTable(peers)}`);
  else parts.push("No agent session that could join was found on this machine.");
  for (const { peer, can } of found) if (can.length > 0) parts.push(`${peer.name} ${can.join("; ")}.`);
  for (const { runtime, pid, path, why, next } of unreachable)
    parts.push(`! ${runtime}, process ${pid}${path ? ` in ${path}` : ""}: ${why}. Next: ${next}.`);
  const [first] = found;
  const example = first?.peer.name ?? peers[0]?.name;
  if (example) parts.push(`Ask one:  repowire peer ask ${example} "What are you working on?"`);
  parts.push(`${SETUP_ADDS}\n\nAll commands: repowire --help`);
  return parts.join("\n\n");
}

function heading(found: OperationOutput<"discover">["found"], total: number): string {
  const joined = found.filter((entry) => entry.is_new).length;
  if (joined > 0)
    return `${plural(joined, "session")} that already ran ${joined === 1 ? "has" : "have"} joined the mesh:`;
  return `${plural(total, "peer")} in the mesh:`;
}
