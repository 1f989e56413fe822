import { signal } from "@preact/signals";
import type { Peer } from "../../protocol/index.ts";
import { askSeveral, sayToAll, startSession } from "../live/dialogs.ts";
import { approvals, now, openQuestions, peers, sessions } from "../live/mesh.ts";
import { address, route } from "../live/route.ts";
import { age, presenceLine, RUNTIME, rungLine, shortPath } from "../live/say.ts";
import { PresenceMark } from "../parts/state.tsx";
import { Graph } from "./graph.tsx";

const showsOffline = signal(false);

/** Who is there, by circle: what each does, and how a message reaches it. As a list beside a conversation: one line each. */
export function Mesh({ isList = false }: { isList?: boolean }) {
  const offline = peers.value.filter((peer) => peer.presence.state === "offline" && peer.role !== "human");
  const shown = sessions.value.filter((peer) => showsOffline.value || peer.presence.state !== "offline");
  const others = peers.value.filter(({ role, presence }) => role === "service" && presence.state !== "offline");
  const circles = [...new Set(shown.map(({ circle }) => circle))].sort();
  return (
    <section class={isList ? "mesh list" : "mesh"} aria-labelledby={isList ? undefined : "mesh-title"}>
      {isList ? null : (
        <header class="view-head">
          <h1 id="mesh-title">Mesh</h1>
          <p class="quiet">{summary(shown)}</p>
          <div class="actions">
            <a class="button small" href={address({ view: "later" })}>
              Later
            </a>
            <a class="button small" href={address({ view: "worktrees" })}>
              Worktrees
            </a>
            <button type="button" class="small" onClick={askSeveral}>
              Ask several…
            </button>
            <button type="button" class="small" onClick={startSession}>
              Start a session
            </button>
          </div>
        </header>
      )}
      {isList ? null : <Graph peers={shown} />}
      {circles.map((circle) => (
        <section key={circle} class="circle" aria-label={`circle ${circle}`}>
          <header>
            <h2>{circle}</h2>
            {isList ? null : (
              <button type="button" class="small" onClick={() => sayToAll(circle)}>
                Tell all…
              </button>
            )}
          </header>
          <ul>
            {shown
              .filter((peer) => peer.circle === circle)
              .sort((a, b) => Number(isStuck(b)) - Number(isStuck(a)) || a.name.localeCompare(b.name))
              .map((peer) => (
                <li key={peer.id}>{isList ? <PeerLine peer={peer} /> : <PeerCard peer={peer} />}</li>
              ))}
          </ul>
        </section>
      ))}
      {!isList && others.length > 0 ? (
        <p class="quiet">Also here: {others.map(({ name, runtime }) => `${name} (${RUNTIME[runtime]})`).join(", ")}</p>
      ) : null}
      {offline.length > 0 ? (
        <button
          type="button"
          class="link"
          aria-pressed={showsOffline.value}
          onClick={() => (showsOffline.value = !showsOffline.value)}
        >
          {showsOffline.value ? "Hide" : "Show"} {offline.length} offline
        </button>
      ) : null}
    </section>
  );
}

function summary(shown: readonly Peer[]): string {
  const count = (state: string) => shown.filter(({ presence }) => presence.state === state).length;
  const parts = [
    [count("busy"), "busy"],
    [count("online"), "idle"],
    [count("waiting"), "waiting for their person"],
    [count("limited"), "at a usage limit"],
  ] as const;
  return parts.flatMap(([n, word]) => (n > 0 ? [`${n} ${word}`] : [])).join(" · ");
}

function openOf(peer: Peer): { asked: number; asks: number } {
  const asked = openQuestions.value.filter(({ to }) => to.some((one) => one.peer_id === peer.id)).length;
  return { asked, asks: openQuestions.value.filter(({ from_id }) => from_id === peer.id).length };
}

/** Those who need somebody stand first; all others keep their places, whatever they do. */
const isStuck = ({ presence }: Peer): boolean => presence.state === "waiting" || presence.state === "limited";

function PeerLine({ peer }: { peer: Peer }) {
  const at = route.value;
  const isHere = at.view === "peer" && at.id === peer.id;
  return (
    <a class="peer-line" href={address({ view: "peer", id: peer.id })} aria-current={isHere ? "page" : undefined}>
      <PresenceMark peer={peer} />
      <span class="peer-name">{peer.name}</span>
      <span class="quiet">{RUNTIME[peer.runtime]}</span>
    </a>
  );
}

function PeerCard({ peer }: { peer: Peer }) {
  const { asked, asks } = openOf(peer);
  const waits = approvals.value.filter((approval) => approval.peer === peer.id).length;
  return (
    <article class={`peer ${isStuck(peer) ? "stuck" : ""} ${peer.presence.state === "offline" ? "gone" : ""}`}>
      <h3>
        <PresenceMark peer={peer} />
        <a href={address({ view: "peer", id: peer.id })}>{peer.name}</a>
        <span class="runtime">{RUNTIME[peer.runtime]}</span>
        {peer.role === "orchestrator" ? <span class="tag">orchestrator</span> : null}
      </h3>
      <p class="peer-now">{presenceLine(peer, now.value)}</p>
      {peer.description ? (
        <p class="peer-does">
          {peer.description}
          {peer.described_at ? <span class="quiet"> · {age(now.value - peer.described_at)}</span> : null}
        </p>
      ) : null}
      {peer.path ? (
        <p class="peer-path quiet" title={peer.path}>
          <span class="path">{shortPath(peer.path)}</span>
          {peer.branch ? <span> ⎇ {peer.branch}</span> : null}
          {peer.worktree_of ? <span> (worktree)</span> : null}
        </p>
      ) : null}
      <p class="peer-rung quiet">
        <span aria-hidden="true">⇥ </span>
        {rungLine(peer, now.value)}
        {peer.identity === "asserted" ? " · identity not proven" : ""}
      </p>
      <p class="peer-counts">
        {waits > 0 ? (
          <a class="chip warn" href={address({ view: "waits" })}>
            <span class="mark" aria-hidden="true">
              !
            </span>
            waits for you
          </a>
        ) : null}
        {asked > 0 ? <span class="chip moving">{asked} to answer</span> : null}
        {asks > 0 ? <span class="chip quiet">{asks} asked</span> : null}
        {peer.unread > 0 ? <span class="chip quiet">{peer.unread} unread</span> : null}
        {peer.inbound === "accept" ? null : (
          <span class="chip warn" title={peer.inbound_reason}>
            {peer.inbound === "hold" ? "its mail is held" : "takes no mail"}
          </span>
        )}
      </p>
    </article>
  );
}
