import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import type { Peer } from "../../protocol/index.ts";
import { cleanLine, duration } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson, table } from "../output.ts";
import type { Status } from "../setup/status.ts";
import { healthText } from "./daemon.ts";
import { pauseLines } from "./resume.ts";

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
        section("Agent CLIs", runtimesText(status, tilde)),
        section("Peers", status.peers.length > 0 ? peersText(status.peers, tilde) : NO_PEERS),
      ];
      if (status.paused.length > 0) parts.push(section("Paused", pauseLines(status.paused).replace(/^/gm, "  ")));
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

const PART_WORDS = {
  server: "MCP server",
  hooks: "hooks",
  tools: "tools without a prompt",
  plugin: "plugin",
  screen: "screen plugin",
} as const;

function runtimesText({ runtimes }: Status, tilde: Tilde): string {
  const text = table(
    ["NAME", "VERSION", "SET UP", "SESSIONS", "PERMISSIONS DECIDED", "PROGRAM"],
    runtimes.map((runtime) => [
      runtime.label,
      runtime.cli ? (runtime.cli.version ?? "gave none") : "not found",
      runtime.cli || runtime.installed ? setUpWords(runtime) : "",
      runtime.active > 0 ? String(runtime.active) : "",
      runtime.abilities?.relaysPermissions ? "from any terminal" : "in its own terminal",
      runtime.cli ? tilde(runtime.cli.path) : "",
    ]),
  );
  return text.replace(/^/gm, "  ");
}

/** "yes", or what is missing of it. */
function setUpWords({ installed, parts, step }: Status["runtimes"][number]): string {
  if (!parts) return "not known";
  if (!installed) return "no";
  // Object.entries forgets the keys' type.
  const missing = (Object.entries(parts) as [keyof typeof PART_WORDS, { there: number; of: number }][])
    .filter(([, { there, of }]) => there < of)
    .map(([part, { there, of }]) => (there === 0 ? PART_WORDS[part] : `${PART_WORDS[part]} (${there} of ${of})`));
  if (step && !step.done) missing.push("trust");
  return missing.length === 0 ? "yes" : `missing: ${missing.join(", ")}`;
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
