import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { closeDialog, openDialog } from "./live/dialogs.ts";
import { connection, peers, sessions, waitCount } from "./live/mesh.ts";
import { address, go, type Route, route } from "./live/route.ts";
import { Help } from "./parts/help.tsx";
import { Palette } from "./parts/palette.tsx";
import { Toasts } from "./parts/toasts.tsx";
import { AskSeveralDialog } from "./views/ask-several.tsx";
import { BroadcastDialog } from "./views/broadcast.tsx";
import { Conversation } from "./views/conversation.tsx";
import { Find } from "./views/find.tsx";
import { FirstRun } from "./views/first-run.tsx";
import { Health } from "./views/health.tsx";
import { Later } from "./views/later.tsx";
import { LoggedOut } from "./views/logged-out.tsx";
import { Mesh } from "./views/mesh.tsx";
import { ReplayView } from "./views/replay.tsx";
import { SpawnDialog } from "./views/spawn.tsx";
import { Waits } from "./views/waits.tsx";
import { Worktrees } from "./views/worktrees.tsx";

const open = signal<"palette" | "help" | undefined>(undefined);

const PLACES: { to: Route; name: string; mark: string; key: string }[] = [
  { to: { view: "mesh" }, name: "Mesh", mark: "◇", key: "m" },
  { to: { view: "waits" }, name: "Waits on me", mark: "!", key: "w" },
  { to: { view: "find", words: "" }, name: "Find", mark: "⌕", key: "f" },
  { to: { view: "health" }, name: "Health", mark: "♥", key: "h" },
];

export function App() {
  const waits = waitCount.value;
  useEffect(() => {
    document.title = waits > 0 ? `(${waits}) repowire` : "repowire";
  }, [waits]);
  if (connection.value === "out") return <LoggedOut />;
  const at = route.value;
  const isWide = at.view === "peer" || at.view === "thread";
  return (
    <div class={`frame ${isWide ? "in-conversation" : ""}`}>
      <button type="button" class="skip" onClick={skip}>
        Skip to content
      </button>
      <nav aria-label="Places">
        <span class="brand" aria-hidden="true">
          repowire
        </span>
        {PLACES.map(({ to, name, mark }) => (
          <a href={address(to)} aria-current={at.view === to.view ? "page" : undefined}>
            <span class="nav-mark" aria-hidden="true">
              {mark}
            </span>
            <span>{name}</span>
            {to.view === "waits" && waits > 0 ? (
              <span class="badge">
                {waits}
                <span class="hidden"> waiting</span>
              </span>
            ) : null}
          </a>
        ))}
        <button
          type="button"
          class="plain nav-keys"
          onClick={() => (open.value = "help")}
          aria-label="Keyboard shortcuts"
        >
          ?
        </button>
      </nav>
      <ConnectionBar />
      {isWide ? (
        <aside class="beside" aria-label="Peers">
          <Mesh isList />
        </aside>
      ) : null}
      <main id="content" tabIndex={-1}>
        <View at={at} />
      </main>
      <Toasts />
      {openDialog.value?.name === "spawn" ? <SpawnDialog onClose={closeDialog} /> : null}
      {openDialog.value?.name === "ask_several" ? <AskSeveralDialog onClose={closeDialog} /> : null}
      {openDialog.value?.name === "broadcast" ? (
        <BroadcastDialog circle={openDialog.value.circle} onClose={closeDialog} />
      ) : null}
      {open.value === "palette" ? <Palette places={PLACES} onClose={() => (open.value = undefined)} /> : null}
      {open.value === "help" ? <Help places={PLACES} onClose={() => (open.value = undefined)} /> : null}
    </div>
  );
}

function View({ at }: { at: Route }) {
  if (connection.value === "starting" && peers.value.length === 0) return <p class="empty">Loading…</p>;
  switch (at.view) {
    case "mesh":
      return sessions.value.length === 0 && connection.value === "live" ? <FirstRun /> : <Mesh />;
    case "peer":
      return <Conversation key={at.id} peer={at.id} />;
    case "thread":
      return <Conversation key={at.id} thread={at.id} open={at.open} />;
    case "waits":
      return <Waits />;
    case "find":
      return <Find words={at.words} filters={at.filters ?? {}} />;
    case "health":
      return <Health />;
    case "replay":
      return <ReplayView at={at} />;
    case "later":
      return <Later />;
    case "worktrees":
      return <Worktrees />;
    default:
      return at satisfies never;
  }
}

function ConnectionBar() {
  const isLost = connection.value === "lost";
  return (
    <div class="connection" role="status">
      {isLost ? (
        <p>
          <span aria-hidden="true">⚡ </span>No connection to the daemon. What you see may be old; it comes back by
          itself.
        </p>
      ) : null}
    </div>
  );
}

function skip(): void {
  document.getElementById("content")?.focus();
}

/** From the first moment on: a key that is pressed while the page is still drawn counts. */
export function onKey(event: KeyboardEvent): void {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    open.value = open.value === "palette" ? undefined : "palette";
    return;
  }
  const target = event.target as HTMLElement | null;
  const isWriting = target?.closest("input, textarea, select, dialog[open], [contenteditable]");
  if (isWriting || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?") open.value = "help";
  const place = PLACES.find(({ key }) => key === event.key);
  if (place) go(place.to);
  if (event.key === "/" || event.key === "r") {
    const box = document.querySelector<HTMLElement>("[data-writes]");
    if (box) event.preventDefault();
    box?.focus();
  }
}
