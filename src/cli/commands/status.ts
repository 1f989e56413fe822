import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import type { Peer } from "../../protocol/index.ts";
import { cleanLine, duration } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson, table } from "../output.ts";
import type { Status } from "../setup/status.ts";
import { healthText } from "./daemon.ts";

export function statusCommand(context: CliContext) {
  return new Command("status")
    .description("how everything is: program, daemon, config, agent CLIs, sessions, and what would make it better")
    .option("--json", "print JSON")
    .action(async (options) => {
      const { collectStatus } = await import("../setup/status.ts");
      const { tilde, sessionLines } = await import("../setup/texts.ts");
      const status = await collectStatus(resolve(context.home));
      if (options.json) return printJson(status);
      const parts = [
        section("Home", homeText(status, tilde)),
        section("Daemon", daemonText(status)),
        section("Config", configText(status, tilde)),
        section("Claude Code", claudeText(status, tilde)),
        section("Peers", status.peers.length > 0 ? peersText(status.peers, tilde) : NO_PEERS),
      ];
      if (status.not_peers.length > 0)
        parts.push(section("Sessions that are no peers", sessionLines(status.not_peers)));
      const advice = status.advice.map(({ found, next }) => `  ! ${found}\n    Next: ${next}`);
      parts.push(
        advice.length > 0 ? section("What would make it better", advice.join("\n")) : "Nothing to improve was found.",
      );
      print(parts.join("\n\n"));
    });
}

const NO_PEERS = "  none: sessions join as they start";

type Tilde = (path: string) => string;

const section = (title: string, text: string): string => `${title}\n${text}`;

function rows(pairs: [string, string][]): string {
  const width = Math.max(...pairs.map(([name]) => name.length)) + 2;
  return pairs.map(([name, value]) => `  ${name.padEnd(width)}${value}`).join("\n");
}

function homeText({ home, version, program }: Status, tilde: Tilde): string {
  const launchers = Object.entries(program.launchers)
    .filter(([, state]) => state !== "missing")
    .map(([name, state]) => (state === "there" ? name : `${name} (outdated)`));
  return rows([
    ["folder", tilde(home)],
    ["this program", `repowire ${version}`],
    ["installed", program.installed ?? "no"],
    ["launchers", launchers.join(", ") || "none"],
  ]);
}

function daemonText({ daemon }: Status): string {
  return daemon
    ? `  ${healthText(daemon, daemon.port)}`
    : "  does not run; it starts with the first session or command";
}

function configText({ config }: Status, tilde: Tilde): string {
  if (!config.values) return `  ${config.error}`;
  const origin = (from: string) => (from === "file" ? tilde(config.file) : from);
  return rows(
    Object.entries(config.values).map(([key, { value, origin: from }]) => [key, `${value}  (${origin(from)})`]),
  );
}

function claudeText({ claude_code: claude }: Status, tilde: Tilde): string {
  const part = (found: { there: number; of: number } | undefined) => {
    if (!found) return "not known";
    if (found.there === found.of) return "there";
    return found.there === 0 ? "missing" : `${found.there} of ${found.of}`;
  };
  const cli = claude.cli ? `${claude.cli.version ?? "gave no version"}, ${tilde(claude.cli.path)}` : "not found";
  return rows([
    ["program", cli],
    ["config folder", tilde(claude.config_dir)],
    ["MCP server", part(claude.server)],
    ["hooks", part(claude.hooks)],
    ["tools without a prompt", part(claude.tools)],
  ]);
}

/** How each session is reached, and what proves it. */
function peersText(peers: readonly Peer[], tilde: Tilde): string {
  const text = table(
    ["NAME", "RUNTIME", "PRESENCE", "RUNG", "PROVEN BY", "LATENCY", "PATH"],
    peers.map(({ name, runtime, role, presence, delivery, path }) => [
      name,
      role === "agent" ? runtime : `${runtime} (${role})`,
      presence.detail && presence.state !== "offline"
        ? `${presence.state} (${cleanLine(presence.detail)})`
        : presence.state,
      delivery?.rung ?? "",
      delivery?.proven_by ?? (delivery ? "nothing yet" : ""),
      delivery?.latency_ms === undefined ? "" : duration(delivery.latency_ms),
      path ? tilde(path) : "",
    ]),
  );
  return text.replace(/^/gm, "  ");
}
