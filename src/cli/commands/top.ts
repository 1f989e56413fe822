import { setTimeout as sleep } from "node:timers/promises";
import { styleText } from "node:util";
import { Command } from "@commander-js/extra-typings";
import { ensureDaemon, eventStream } from "../../client/index.ts";
import { type MeshEvent, type Peer, type PeerId, RepowireError } from "../../protocol/index.ts";
import { cleanLine, duration, plural, timeOfDay } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { type LiveScreen, openScreen } from "../live-screen.ts";
import { print, printJson, table } from "../output.ts";
import { collectOverview, type Overview, waitingFor } from "../overview.ts";
import { presenceText, questionsText } from "../overview-text.ts";

/** The mesh as a live table: who waits on a person first. Without a terminal it prints one table and ends. */
export function topCommand(context: CliContext) {
  return new Command("top")
    .description("the mesh as a live table in this terminal; q ends it")
    .option("--json", "print one snapshot as JSON")
    .addHelpText("after", "\nKeys: q ends it, s sorts by name or by who waits, the arrows scroll.")
    .action(async (options) => {
      const mesh = await context.mesh();
      if (options.json) return printJson(await collectOverview(context, mesh));
      if (!process.stdout.isTTY || !process.stdin.isTTY) {
        const overview = await collectOverview(context, mesh);
        return print([headline(overview), tableOf(sorted(overview.peers, "state"), new Map())].join("\n\n"));
      }
      await runTop(context);
    });
}

const REFRESH_MS = 2_000;
/** Events come in bursts; the screen follows a few times a second. */
const DRAW_EVERY_MS = 250;
const RATE_MS = 60_000;

type Order = "state" | "name";

async function runTop(context: CliContext): Promise<void> {
  const abort = new AbortController();
  const messages: { peer: PeerId; at: number }[] = [];
  let overview: Overview | undefined;
  let trouble: string | undefined;
  let order: Order = "state";
  let offset = 0;
  let isStale = true;

  const screen = openScreen({
    key(key) {
      if (key === "q" || key === "\u0003" || key === "\u001b") return abort.abort();
      if (key === "s") order = order === "state" ? "name" : "state";
      if (key === "\u001b[A") offset = Math.max(0, offset - 1);
      if (key === "\u001b[B") offset++;
      draw();
    },
    resize: () => draw(),
  });
  const stop = () => abort.abort();
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.once(signal, stop);

  function draw(): void {
    const peers = overview ? sorted(overview.peers, order) : [];
    offset = Math.min(offset, Math.max(0, peers.length - 1));
    screen.draw(
      screenLines(screen, { overview, trouble, order, peers: peers.slice(offset), rates: ratesOf(messages) }),
    );
  }

  async function look(): Promise<void> {
    try {
      overview = await collectOverview(context, await context.mesh());
      trouble = undefined;
    } catch (error) {
      if (!(error instanceof RepowireError)) throw error;
      trouble = error.message;
    }
    if (!abort.signal.aborted) draw();
  }

  async function follow(): Promise<void> {
    const { newest } = await (await context.mesh()).events({ limit: 1 });
    const locate = () => ensureDaemon(context.home);
    for await (const event of eventStream(locate, { after: newest, signal: abort.signal })) {
      note(messages, event);
      isStale = true;
    }
  }

  async function refresh(): Promise<void> {
    for (let last = 0; !abort.signal.aborted; await pause(DRAW_EVERY_MS, abort.signal)) {
      if (!isStale && Date.now() - last < REFRESH_MS) continue;
      isStale = false;
      last = Date.now();
      await look();
    }
  }

  const ended = new Promise<void>((resolve) => abort.signal.addEventListener("abort", () => resolve(), { once: true }));
  // A reader that may not see events still has the table, which is looked at again and again.
  const following = follow().catch((error: unknown) => {
    if (!abort.signal.aborted && !(error instanceof RepowireError)) throw error;
  });
  try {
    await Promise.race([Promise.all([refresh(), following, ended]), ended]);
  } finally {
    abort.abort();
    screen.close();
  }
}

/** Ends sooner when the screen is left. */
const pause = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }).catch(() => {});

function note(messages: { peer: PeerId; at: number }[], { type, peer }: MeshEvent): void {
  if (peer && (type === "message.accepted" || type === "delivery.queued")) messages.push({ peer, at: Date.now() });
}

/** Messages to and from each peer within the last minute; what is older is dropped. */
function ratesOf(messages: { peer: PeerId; at: number }[]): Map<PeerId, number> {
  const from = messages.findIndex(({ at }) => Date.now() - at < RATE_MS);
  messages.splice(0, from === -1 ? messages.length : from);
  const rates = new Map<PeerId, number>();
  for (const { peer } of messages) rates.set(peer, (rates.get(peer) ?? 0) + 1);
  return rates;
}

const STATES: Peer["presence"]["state"][] = ["waiting", "limited", "busy", "online", "offline"];

function sorted(peers: readonly Peer[], order: Order): Peer[] {
  const byName = (a: Peer, b: Peer) => a.name.localeCompare(b.name) || a.circle.localeCompare(b.circle);
  const rank = ({ presence }: Peer) => STATES.indexOf(presence.state);
  return [...peers].sort((a, b) => (order === "state" ? rank(a) - rank(b) : 0) || byName(a, b));
}

function headline(overview: Overview): string {
  const waiting = waitingFor(overview);
  const count = (state: string) => overview.peers.filter(({ presence }) => presence.state === state).length;
  const states = [...STATES].filter((state) => count(state) > 0);
  const facts = states.map((state) => `${count(state)} ${state === "online" ? "idle" : state}`).join(", ");
  return `repowire  ${timeOfDay(Date.now())}  ${plural(overview.peers.length, "peer")}${facts ? ` (${facts})` : ""}  ${waiting > 0 ? `${plural(waiting, "thing")} wait${waiting === 1 ? "s" : ""} on you: repowire` : "nothing waits on you"}`;
}

function tableOf(peers: readonly Peer[], rates: ReadonlyMap<PeerId, number>): string {
  const rows = peers.map((peer) => [
    peer.circle === "default" ? peer.name : `${peer.name}@${peer.circle}`,
    peer.role === "agent" ? peer.runtime : peer.role,
    presenceText(peer, Date.now()),
    questionsText(peer),
    peer.unread > 0 ? String(peer.unread) : "",
    String(rates.get(peer.id) ?? 0),
    rungText(peer),
    peer.branch ? cleanLine(peer.branch) : "",
  ]);
  return table(["NAME", "RUNTIME", "PRESENCE", "QUESTIONS", "UNREAD", "MSG/MIN", "REACHED BY", "BRANCH"], rows);
}

function rungText({ delivery }: Peer): string {
  if (!delivery) return "";
  if (!delivery.proven_by) return `${delivery.rung}, unproven`;
  return delivery.latency_ms === undefined ? delivery.rung : `${delivery.rung} ${duration(delivery.latency_ms)}`;
}

interface Shown {
  overview: Overview | undefined;
  trouble: string | undefined;
  order: Order;
  peers: readonly Peer[];
  rates: ReadonlyMap<PeerId, number>;
}

function screenLines({ rows }: LiveScreen, { overview, trouble, order, peers, rates }: Shown): string[] {
  const keys = styleText("dim", `q ends  s sorts (by ${order === "state" ? "who waits" : "name"})  arrows scroll`);
  const top = trouble ? styleText("red", `${trouble} Trying again.`) : overview ? headline(overview) : "looking…";
  const body = peers.length > 0 ? tableOf(peers, rates).split("\n") : ["No session has joined yet."];
  const room = Math.max(1, rows - 4);
  const hidden = body.length > room ? [styleText("dim", `${body.length - room + 1} more below`)] : [];
  return [top, "", ...body.slice(0, room - hidden.length), ...hidden, "", keys];
}
