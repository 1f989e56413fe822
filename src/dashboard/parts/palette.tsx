import { useState } from "preact/hooks";
import { askSeveral, startSession } from "../live/dialogs.ts";
import { peers } from "../live/mesh.ts";
import { go, type Route } from "../live/route.ts";
import { PRESENCE } from "../live/say.ts";
import { Dialog } from "./dialog.tsx";
import type { Place } from "./help.tsx";

interface Choice {
  name: string;
  what: string;
  run(): void;
}

const SHOWN_MAX = 12;

/** Everything by name: type a few letters, arrows choose, Enter goes. */
export function Palette({ places, onClose }: { places: Place[]; onClose(): void }) {
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const choices = choicesFor(words, places);
  const run = (choice: Choice | undefined) => {
    if (!choice) return;
    onClose();
    choice.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setAt((at + step + choices.length) % Math.max(1, choices.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(choices[at]);
    }
  };
  return (
    <Dialog title="Go to" onClose={onClose} class="palette">
      <input
        type="text"
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls="choices"
        aria-activedescendant={choices[at] ? `choice-${at}` : undefined}
        aria-label="Peer or command"
        placeholder="Peer or command"
        value={words}
        onInput={(event) => {
          setWords(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id="choices" role="listbox" aria-label="Choices" class="choices">
        {choices.map((choice, index) => (
          <div
            id={`choice-${index}`}
            key={choice.name}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => run(choice)}
            onKeyDown={() => {}}
          >
            <span>{choice.name}</span>
            <span class="quiet">{choice.what}</span>
          </div>
        ))}
      </div>
      {choices.length === 0 ? <p class="empty">Nothing is called that.</p> : null}
    </Dialog>
  );
}

function choicesFor(words: string, places: readonly Place[]): Choice[] {
  const wanted = words.trim().toLowerCase();
  const to = (route: Route) => () => go(route);
  const all: Choice[] = [
    ...peers.value.map(({ id, name, presence }) => ({
      name,
      what: PRESENCE[presence.state],
      run: to({ view: "peer", id }),
    })),
    ...places.map(({ name, to: route }) => ({ name, what: "go", run: to(route) })),
    { name: "Replay", what: "go", run: to({ view: "replay" }) },
    { name: "Later: planned messages", what: "go", run: to({ view: "later" }) },
    { name: "Worktrees", what: "go", run: to({ view: "worktrees" }) },
    { name: "Start a session", what: "do", run: startSession },
    { name: "Ask several", what: "do", run: askSeveral },
  ];
  const found = all.filter(({ name }) => name.toLowerCase().includes(wanted)).slice(0, SHOWN_MAX);
  if (wanted !== "")
    found.push({ name: `Find “${words.trim()}”`, what: "in all messages", run: to({ view: "find", words }) });
  return found;
}
