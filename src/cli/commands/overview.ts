import { Command } from "@commander-js/extra-typings";
import type { Peer } from "../../protocol/index.ts";
import { cleanLine, duration, plural, timeOfDay } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { print, printJson, table } from "../output.ts";
import { collectOverview, type Overview, orNothing, waitingFor } from "../overview.ts";
import { discoverSessions, discoveryText } from "./discover.ts";
import { pauseLines } from "./resume.ts";

/** What `repowire` alone shows: the mesh, what waits on you, and the next step; to a newcomer what could join. */
export function overviewCommand(context: CliContext) {
  return new Command("overview")
    .description("the mesh, what waits on you, and the next step: what `repowire` alone shows")
    .option("--json", "print JSON")
    .action(async (options) => {
      const mesh = await context.mesh();
      // Looking for sessions, like what waits for people, is not for agents.
      const discovered = (await orNothing(discoverSessions(mesh))) ?? { found: [], unreachable: [] };
      const overview = await collectOverview(context, mesh);
      if (options.json) return printJson({ ...overview, found: discovered.found, unreachable: discovered.unreachable });
      const isNews = discovered.found.some((one) => one.is_new);
      if (isNews || overview.peers.length === 0) return print(discoveryText(discovered, overview.peers));
      print([meshText(overview.peers), waitsText(overview), nextText(overview)].filter(Boolean).join("\n\n"));
    });
}

/** The peers of each circle, under its name where there are several. */
function meshText(peers: readonly Peer[]): string {
  const circles = Map.groupBy(peers, ({ circle }) => circle);
  const heading = `${plural(peers.length, "peer")}${circles.size > 1 ? ` in ${circles.size} circles` : ""}`;
  const tables = [...circles].map(([circle, members]) => {
    const text = table(["NAME", "RUNTIME", "PRESENCE", "BRANCH", "QUESTIONS", "DOING"], members.map(row));
    return circles.size > 1 ? `${cleanLine(circle)}\n${text.replace(/^/gm, "  ")}` : text;
  });
  return [heading, ...tables].join("\n\n");
}

function row(peer: Peer): string[] {
  return [
    peer.name,
    peer.role === "agent" ? peer.runtime : peer.role,
    presenceText(peer),
    peer.branch ? cleanLine(peer.branch) : "",
    questionsText(peer),
    peer.description ? cleanLine(peer.description) : "",
  ];
}

export function presenceText({ presence }: Peer): string {
  const { state, detail, since, transition } = presence;
  const what = detail && state !== "offline" ? ` (${cleanLine(detail)})` : "";
  const long = state === "online" ? "" : ` for ${duration(Math.max(0, Date.now() - since))}`;
  return `${state === "online" ? "idle" : state}${what}${long}${transition ? `, ${transition}` : ""}`;
}

export function questionsText({ open_asks }: Peer): string {
  if (!open_asks) return "";
  const { to_answer, asked } = open_asks;
  return [to_answer > 0 ? `${to_answer} to answer` : "", asked > 0 ? `${asked} asked` : ""].filter(Boolean).join(", ");
}

const TEXT_CHARS = 60;
const short = (text: string) => (text.length > TEXT_CHARS ? `${text.slice(0, TEXT_CHARS)}…` : text);

function waitsText(overview: Overview): string {
  const { approvals, held, pauses, mismatches, you } = overview;
  const now = Date.now();
  const lines = [
    ...approvals.map(
      ({ handle, peer_name, tool, preview, requested_at }) =>
        `${handle}  ${cleanLine(peer_name)} wants ${cleanLine(tool)} since ${timeOfDay(requested_at, now)}: ${short(cleanLine(preview))}\n       repowire approve ${handle}   or   repowire deny ${handle} [reason]`,
    ),
    ...held
      .filter((one) => one.can_decide)
      .map(
        ({ id, from, to, excerpt }) =>
          `${id}  held, ${cleanLine(from)} to ${cleanLine(to)}: ${short(cleanLine(excerpt))}\n       repowire release ${id}   or   repowire refuse ${id} [reason]`,
      ),
    pauses.length > 0 ? pauseLines(pauses) : "",
    you.to_answer > 0 ? `${plural(you.to_answer, "question")} to you: repowire inbox` : "",
    mismatches > 0
      ? `${plural(mismatches, "delivery", "deliveries")} whose record differs from the recipient's own: repowire doctor`
      : "",
  ].filter(Boolean);
  return lines.length > 0 ? `Waits on you\n\n${lines.join("\n").replace(/^/gm, "  ")}` : "";
}

function nextText(overview: Overview): string {
  const { you, peers, schedules } = overview;
  const [first] = peers.filter(({ role }) => role !== "human");
  const facts = [
    you.unread > 0 ? `${plural(you.unread, "unread message")}: repowire inbox` : "",
    schedules > 0 ? `${plural(schedules, "message")} for later: repowire schedule list` : "",
    waitingFor(overview) === 0 && first
      ? `Nothing waits on you. Ask one: repowire peer ask ${cleanLine(first.name)} "What are you working on?"`
      : "",
    "Live: repowire top   In the browser: repowire dashboard   All commands: repowire --help",
  ];
  return facts.filter(Boolean).join("\n");
}
