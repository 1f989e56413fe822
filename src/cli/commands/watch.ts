import { Command } from "@commander-js/extra-typings";
import { LIMITS, type Peer, type PeerMoment, RepowireError } from "../../protocol/index.ts";
import { cleanLine } from "../../words/index.ts";
import type { CliContext } from "../context.ts";
import { seconds } from "../instant.ts";
import { print, printJson } from "../output.ts";

const LOOK_EVERY_MS = 1_000;

/** Waits in the terminal until a peer comes to something; for a shell that goes on from there. */
export function watchCommand(context: CliContext) {
  return new Command("watch")
    .description("wait until a peer is idle, waits for its human, or ends")
    .argument("<peer>", "name, name@circle, or id")
    .option("--idle", "until it is idle (the default)")
    .option("--waits", "until it waits for its human")
    .option("--ends", "until its session has ended")
    .option("--timeout <time>", "give up after this long (30m, 2h), with exit code 75")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample: repowire watch backend --idle && git -C ~/code/api pull")
    .action(async (name, options) => {
      const moment: PeerMoment = options.ends ? "ends" : options.waits ? "waits" : "idle";
      const until =
        options.timeout === undefined ? Number.POSITIVE_INFINITY : Date.now() + seconds(options.timeout) * 1_000;
      const mesh = await context.mesh();
      const look = async () => (await mesh.peers({ include_offline: true })).peers;
      const { id } = named(await look(), name);
      for (;;) {
        const peer = (await look()).find((one) => one.id === id);
        const reached = peer ? reachedBy(peer) : "ends";
        if (reached === moment || reached === "ends")
          return tell({ name, peer, moment, reached }, options.json ?? false);
        if (Date.now() >= until)
          throw new RepowireError(
            "too_slow",
            `${cleanLine(name)} did not come to that within ${options.timeout}: it is ${peer?.presence.state} now.`,
          );
        await Bun.sleep(Math.min(LOOK_EVERY_MS, Math.max(1, until - Date.now())));
      }
    });
}

/** The one peer that is meant, by name, `name@circle` or id. */
function named(peers: readonly Peer[], text: string): Peer {
  const fits = peers.filter(({ id, name, circle }) => [id, name, `${name}@${circle}`].includes(text));
  const live = fits.filter(({ presence }) => presence.state !== "offline");
  const [found, ...others] = live.length > 0 ? live : fits;
  if (found && others.length === 0) return found;
  const names = (found ? [found, ...others] : peers)
    .map(({ name, circle }) => cleanLine(`${name}@${circle}`))
    .join(", ");
  throw found
    ? new RepowireError("peer_ambiguous", `"${cleanLine(text)}" fits several: ${names}.`)
    : new RepowireError("peer_not_found", `No peer named "${cleanLine(text)}". There are: ${names || "none"}.`);
}

/** What it has come to, if anything; while it is being started or ended, nothing. */
function reachedBy({ presence }: Peer): PeerMoment | undefined {
  if (presence.transition !== undefined) return undefined;
  if (presence.state === "offline") return "ends";
  if (presence.state === "waiting") return "waits";
  // Between two turns a session is idle for a moment.
  return presence.state === "online" && Date.now() - presence.since >= LIMITS.watchIdleMs ? "idle" : undefined;
}

interface Told {
  name: string;
  peer: Peer | undefined;
  moment: PeerMoment;
  reached: PeerMoment;
}

const WORDS: Record<PeerMoment, string> = { idle: "is idle", waits: "waits for its human", ends: "has ended" };

function tell({ name, peer, moment, reached }: Told, isJson: boolean): void {
  if (isJson) printJson({ peer: name, waited_for: moment, reached, presence: peer?.presence });
  else
    print(
      `${cleanLine(name)} ${WORDS[reached]}${peer?.presence.detail ? ` (${cleanLine(peer.presence.detail)})` : ""}.`,
    );
  // A shell that goes on after it must not take an end for what it waited for.
  if (reached !== moment) process.exitCode = 1;
}
