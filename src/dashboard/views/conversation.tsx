import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Peer } from "../../protocol/index.ts";
import { takeMail } from "../live/mail.ts";
import { now, peers } from "../live/mesh.ts";
import { heightOf, rowsBetween, setHeight, topOf } from "../live/place.ts";
import { address } from "../live/route.ts";
import { age, presenceLine, RUNTIME, rungLine } from "../live/say.ts";
import { createTimeline, type Row, type Timeline } from "../live/timeline.ts";
import { PresenceMark } from "../parts/state.tsx";
import { Composer } from "./composer.tsx";
import { MessageRow } from "./message.tsx";
import { OwnTurns } from "./own-turns.tsx";
import { PeerActions } from "./peer-actions.tsx";
import { saveThread } from "./save-thread.ts";

/** What a peer was told and said, or one thread from its first message on; `open`: the message whose trace is wanted. */
export function Conversation({ peer: id, thread, open }: { peer?: string; thread?: string; open?: string }) {
  const timeline = useMemo(() => createTimeline(id ? { peer: id } : { thread: thread ?? "" }), [id, thread]);
  useEffect(() => () => timeline.close(), [timeline]);
  const peer = id ? peers.value.find((known) => known.id === id) : undefined;
  return (
    <section class="conversation">
      {peer ? <PeerHead peer={peer} /> : <ThreadHead id={id} thread={thread} />}
      <Messages timeline={timeline} open={open} />
      {peer ? <Composer key={peer.id} peer={peer} /> : null}
    </section>
  );
}

function PeerHead({ peer }: { peer: Peer }) {
  return (
    <header class="view-head talk">
      <a class="back" href={address({ view: "mesh" })} aria-label="Back to the mesh">
        ‹
      </a>
      <h1>
        <PresenceMark peer={peer} />
        {peer.name}
      </h1>
      <p class="quiet">
        {RUNTIME[peer.runtime]} · {presenceLine(peer, now.value)}
      </p>
      <PeerActions peer={peer} />
      <details class="facts">
        <summary>How it is reached</summary>
        <dl>
          <dt>Rung</dt>
          <dd>{rungLine(peer, now.value)}</dd>
          <dt>Circle</dt>
          <dd>{peer.circle}</dd>
          {peer.path ? <dt>Folder</dt> : null}
          {peer.path ? <dd class="path">{peer.path}</dd> : null}
          {peer.branch ? <dt>Branch</dt> : null}
          {peer.branch ? <dd>{peer.branch}</dd> : null}
          {peer.description ? <dt>Does</dt> : null}
          {peer.description ? (
            <dd>
              {peer.description}
              {peer.described_at ? ` (${age(now.value - peer.described_at)})` : ""}
            </dd>
          ) : null}
          {peer.spawned_by ? <dt>Started by</dt> : null}
          {peer.spawned_by ? <dd>{peer.spawned_by}</dd> : null}
        </dl>
      </details>
      {peer.role === "agent" || peer.role === "orchestrator" ? <OwnTurns key={peer.id} peer={peer} /> : null}
    </header>
  );
}

function ThreadHead({ id, thread }: { id: string | undefined; thread: string | undefined }) {
  return (
    <header class="view-head talk">
      <a class="back" href={address({ view: "mesh" })} aria-label="Back to the mesh">
        ‹
      </a>
      <h1>{thread ? "Thread" : "A peer that left"}</h1>
      <p class="quiet">{thread ? "One question and what came of it" : id}</p>
      {thread ? (
        <div class="actions">
          <button type="button" class="small" onClick={() => void saveThread(thread)}>
            Save as Markdown
          </button>
        </div>
      ) : null}
    </header>
  );
}

/** Drawn beyond what can be seen, so that a quick finger finds no gap. */
const BEYOND_PX = 600;
/** So near to the end counts as being there: what comes is followed. */
const END_PX = 60;
const OLDER_PX = 800;

function Messages({ timeline, open }: { timeline: Timeline; open: string | undefined }) {
  const box = useRef<HTMLDivElement>(null);
  const view = useMemo(() => signal({ top: 0, height: 800 }), [timeline]);
  const followsEnd = useRef(open === undefined);
  const opened = useMemo(() => signal<string | undefined>(open), [timeline, open]);
  /** Goes to that message once, and no more when the person has scrolled. */
  const wanted = useRef(open);
  useEffect(() => {
    wanted.current = open;
    if (open !== undefined) followsEnd.current = false;
    const leave = () => {
      wanted.current = undefined;
    };
    const moves = ["wheel", "pointerdown", "keydown"] as const;
    for (const move of moves) addEventListener(move, leave);
    return () => {
      for (const move of moves) removeEventListener(move, leave);
    };
  }, [open]);
  const measure = useMemo(() => createMeasure(timeline, box, followsEnd), [timeline]);
  useEffect(() => () => measure.close(), [measure]);

  const { version, pages } = timeline;
  version.value; // drawn anew with every change
  const columns = pages.value;
  const total = heightOf(columns);
  const oldest = useRef<string | undefined>(undefined);
  const totalBefore = useRef(0);

  // Older messages came above: what is looked at stays where it is. At the end, the end is followed.
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const first = columns[0]?.ids[0];
    if (oldest.current !== undefined && first !== oldest.current && !followsEnd.current)
      element.scrollTop += total - totalBefore.current;
    else if (wanted.current !== undefined) {
      const at = topOf(columns, wanted.current);
      if (at !== undefined) element.scrollTop = at;
    } else if (followsEnd.current) element.scrollTop = element.scrollHeight;
    oldest.current = first;
    totalBefore.current = total;
  });

  const look = () => {
    const element = box.current;
    if (!element) return;
    const { scrollTop, clientHeight, scrollHeight } = element;
    followsEnd.current = scrollHeight - scrollTop - clientHeight < END_PX;
    timeline.setAtEnd(followsEnd.current);
    view.value = { top: scrollTop, height: clientHeight };
  };
  // The field below grows with what is written: whoever was at the end stays there.
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      if (followsEnd.current) element.scrollTop = element.scrollHeight;
      look();
    });
    observer.observe(element);
    look();
    return () => observer.disconnect();
  }, [timeline]);

  const { top, height } = view.value;
  const placed = rowsBetween(columns, top - BEYOND_PX, top + height + BEYOND_PX);
  useEffect(() => {
    const onScreen = rowsBetween(columns, top, top + height);
    takeMail(onScreen.flatMap(({ page, row }) => columns[page]?.rows?.[row] ?? []));
    const [first, last] = [placed[0], placed.at(-1)];
    if (first && last) timeline.looksAt(top < OLDER_PX ? 0 : first.page === 0 ? 1 : first.page, last.page);
  });

  if (timeline.state.value === "refused")
    return (
      <div class="messages">
        <p class="empty" role="alert">
          {timeline.why}
        </p>
      </div>
    );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <div class="messages" ref={box} onScroll={look} tabIndex={0} role="log" aria-label="Messages" aria-live="off">
      {timeline.state.value === "ready" && columns.every(({ ids }) => ids.length === 0) ? (
        <p class="empty">Nothing was said yet. What you ask below is kept, and shown with what is proven about it.</p>
      ) : null}
      <div class="column" style={{ height: `${total}px` }}>
        {placed.map(({ page, row, top: at }) => {
          const id = columns[page]?.ids[row] ?? "";
          const known = columns[page]?.rows?.[row];
          return (
            <div key={id} ref={measure.watch} data-id={id} class="slot" style={{ transform: `translateY(${at}px)` }}>
              {known ? (
                <MessageRow row={known} isOpen={opened.value === id} onToggle={() => toggle(known)} />
              ) : (
                <div class="unread-row" />
              )}
            </div>
          );
        })}
      </div>
      {timeline.unseen.value > 0 ? (
        <button type="button" class="to-end" onClick={toEnd}>
          ↓ {timeline.unseen.value} new
        </button>
      ) : null}
    </div>
  );

  function toggle(row: Row): void {
    opened.value = opened.value === row.message ? undefined : row.message;
  }

  function toEnd(): void {
    wanted.current = undefined;
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
  }
}

/** Knows how high each row really is, once it is drawn. */
function createMeasure(timeline: Timeline, box: { current: HTMLDivElement | null }, followsEnd: { current: boolean }) {
  const observer = new ResizeObserver((entries) => {
    let isChanged = false;
    let above = 0;
    const scrollTop = box.current?.scrollTop ?? 0;
    for (const { target, borderBoxSize } of entries) {
      const id = (target as HTMLElement).dataset.id ?? "";
      const height = borderBoxSize[0]?.blockSize ?? 0;
      if (height === 0 || !target.isConnected) continue;
      let top = 0;
      for (const page of timeline.pages.value) {
        const row = page.ids.indexOf(id);
        if (row >= 0) {
          for (let at = 0; at < row; at++) top += page.heights[at] ?? 0;
          const by = setHeight(page, row, height);
          if (by !== 0) isChanged = true;
          if (top + height < scrollTop) above += by;
          break;
        }
        top += page.total;
      }
    }
    if (!isChanged) return;
    timeline.version.value++;
    // What grew above pushes nothing out from under the eyes.
    if (above !== 0 && !followsEnd.current && box.current) box.current.scrollTop += above;
  });
  const watched = new Set<Element>();
  return {
    watch(element: HTMLElement | null) {
      if (element && !watched.has(element)) {
        watched.add(element);
        observer.observe(element);
      }
      for (const old of watched)
        if (!old.isConnected && old !== element) {
          observer.unobserve(old);
          watched.delete(old);
        }
    },
    close: () => observer.disconnect(),
  };
}
