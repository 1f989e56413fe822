import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { LoggedLine } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { visible } from "../live/markdown.ts";
import { Command } from "../parts/copy.tsx";

const EVERY_MS = 1_500;
/** An open page keeps so many; the file has the others. */
const KEPT_MAX = 500;
/** So near to the end counts as being there: what comes is followed. */
const END_PX = 40;

interface Line extends LoggedLine {
  key: number;
}

/** The daemon's own log as it is written: opened when it is wanted, and never more than a few screens of it. */
export function LogTail() {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <section aria-labelledby="log-title">
      <header class="section-head">
        <h2 id="log-title">The daemon's log</h2>
        <button type="button" class="small" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
          {isOpen ? "Close" : "Follow"}
        </button>
      </header>
      {isOpen ? <Lines /> : null}
      <p class="quiet">All of it, in a terminal:</p>
      <Command text="repowire daemon logs -f" />
    </section>
  );
}

function Lines() {
  const [lines, setLines] = useState<Line[]>([]);
  const [isQuiet, setIsQuiet] = useState(false);
  const [why, setWhy] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const followsEnd = useRef(true);
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let cursor: string | undefined;
    let next = 1;
    const look = async () => {
      try {
        if (!document.hidden) {
          const found = await call("daemon_log", { cursor });
          if (isOver) return;
          cursor = found.cursor;
          const gap = found.is_cut ? [{ ...GAP, key: next++ }] : [];
          const fresh = [...gap, ...found.lines.map((line) => ({ ...line, key: next++ }))];
          if (fresh.length > 0) setLines((known) => [...known, ...fresh].slice(-KEPT_MAX));
          setWhy("");
        }
      } catch (error) {
        if (!isOver) setWhy((error as Error).message);
      }
      if (!isOver) timer = setTimeout(() => void look(), EVERY_MS);
    };
    void look();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (element && followsEnd.current) element.scrollTop = element.scrollHeight;
  });
  const look = () => {
    if (!box.current) return;
    const { scrollHeight, scrollTop, clientHeight } = box.current;
    followsEnd.current = scrollHeight - scrollTop - clientHeight < END_PX;
  };
  const shown = isQuiet ? lines.filter(({ level }) => level !== "info" && level !== "debug") : lines;
  return (
    <>
      <label class="choice">
        <input type="checkbox" checked={isQuiet} onChange={(event) => setIsQuiet(event.currentTarget.checked)} />{" "}
        warnings and errors only
      </label>
      {why ? <p role="alert">{why}</p> : null}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div class="log" ref={box} onScroll={look} tabIndex={0} role="log" aria-label="The daemon's log" aria-live="off">
        {shown.length === 0 ? <p class="quiet">{isQuiet ? "No warning among these lines." : "Loading…"}</p> : null}
        {shown.map((line) => (
          <p key={line.key} class={`log-line ${line.level}`}>
            <span class="quiet">{timeText(line.time)}</span> <strong>{line.level}</strong>{" "}
            {line.category ? <span class="quiet">{line.category}: </span> : null}
            {visible(line.message)}
            {line.fields ? <span class="quiet"> {visible(line.fields)}</span> : null}
          </p>
        ))}
      </div>
    </>
  );
}

const GAP: LoggedLine = {
  time: "",
  level: "warning",
  category: "",
  message: "… some lines were left out here: too many came at once. The file has them.",
};

const timeText = (time: string): string => (time === "" ? "" : new Date(time).toLocaleTimeString());
