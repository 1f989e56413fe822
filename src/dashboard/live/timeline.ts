import { signal } from "@preact/signals";
import type { AskState, DeliveryState, MeshEvent, OperationInput } from "../../protocol/index.ts";
import { call } from "./api.ts";
import { type FoundMessage, onEvents } from "./mesh.ts";
import { createRefresher } from "./refresher.ts";
import { say } from "./toasts.ts";

/**
 * The messages of a peer or a thread, the newest at the end, of which only some are held: a page that was scrolled away from is
 * forgotten but for its height, and loaded again when it is scrolled to. However many there are and however long it is open, memory and
 * document stay of one size.
 */
export interface Row extends FoundMessage {
  /** Its runtime took it into the conversation; by the recipient's handle. */
  entered?: Record<string, true>;
}

export interface TimelinePage {
  /** The cursor that this page was loaded with; the newest has none. */
  before: number | undefined;
  rows: Row[] | undefined;
  ids: string[];
  /** Pixels, as measured or guessed. */
  heights: number[];
  total: number;
}

export type Filter = Pick<OperationInput<"history">, "peer" | "thread">;

const PAGE = 100;
export const ROW_GUESS_PX = 96;
/** Pages that are held around what is looked at. */
const HELD_MAX = 8;
/** What came since the page was opened is held as one growing page; beyond this it begins anew. */
const LIVE_MAX = 600;
const SOON_MS = 60;

export function createTimeline(filter: Filter) {
  const pages = signal<TimelinePage[]>([]);
  /** What is drawn changes whenever this does. */
  const version = signal(0);
  const state = signal<"loading" | "ready" | "refused">("loading");
  /** Messages that came while older ones were looked at. */
  const unseen = signal(0);
  const why = signal("");
  let older: number | undefined;
  let isLoadingOlder = false;
  let isAtEnd = true;
  let isClosed = false;

  const changed = () => {
    version.value++;
  };

  function pageOf(rows: Row[], before: number | undefined): TimelinePage {
    const heights = rows.map(() => ROW_GUESS_PX);
    return { before, rows, ids: rows.map(({ message }) => message), heights, total: ROW_GUESS_PX * rows.length };
  }

  const history = (cursor?: number) => call("history", { ...filter, limit: PAGE, cursor });

  async function begin(): Promise<void> {
    const { messages, cursor } = await history();
    if (isClosed) return;
    pages.value = [pageOf(messages, undefined)];
    older = cursor;
    unseen.value = 0;
    state.value = "ready";
    changed();
  }

  /** The newest messages, again: what is known keeps its place and height, what is new is added. */
  async function takeNew(): Promise<void> {
    const live = pages.value.at(-1);
    if (!live?.rows) return begin();
    const { messages } = await history();
    if (isClosed) return;
    const known = new Map(live.rows.map((row) => [row.message, row]));
    const added = messages.filter(({ message }) => !known.has(message));
    // More came at once than a page holds: what lies between is not known, so it begins anew.
    if (messages.length > 0 && added.length === messages.length && live.rows.length > 0) return begin();
    const fresh = new Map(messages.map((message) => [message.message, message]));
    live.rows = [...live.rows.map((row) => merge(row, fresh.get(row.message))), ...added];
    live.ids.push(...added.map(({ message }) => message));
    live.heights.push(...added.map(() => ROW_GUESS_PX));
    live.total += ROW_GUESS_PX * added.length;
    if (!isAtEnd) unseen.value += added.length;
    if (isAtEnd && live.rows.length > LIVE_MAX) return begin();
    changed();
  }

  function merge(row: Row, fresh: FoundMessage | undefined): Row {
    if (!fresh) return row;
    const next = { ...fresh, entered: row.entered };
    return JSON.stringify(next) === JSON.stringify(row) ? row : next;
  }

  async function loadOlder(): Promise<void> {
    if (older === undefined || isLoadingOlder) return;
    isLoadingOlder = true;
    const before = older;
    try {
      const { messages, cursor } = await history(before);
      if (isClosed) return;
      older = cursor;
      if (messages.length > 0) pages.value = [pageOf(messages, before), ...pages.value];
      changed();
    } finally {
      isLoadingOlder = false;
    }
  }

  const reloading = new Set<TimelinePage>();
  async function reload(page: TimelinePage): Promise<void> {
    if (reloading.has(page)) return;
    reloading.add(page);
    try {
      const { messages } = await history(page.before);
      // What was removed meanwhile leaves a gap rather than a jump.
      const found = new Map(messages.map((message) => [message.message, message]));
      page.rows = page.ids.flatMap((id) => found.get(id) ?? []);
      page.ids = page.rows.map(({ message }) => message);
      changed();
    } finally {
      reloading.delete(page);
    }
  }

  /** What is looked at, as indexes of pages: those are held, others forgotten. The newest is always held. */
  function looksAt(first: number, last: number): void {
    const all = pages.value;
    const isNear = (index: number) => index >= first - HELD_MAX / 2 && index <= last + HELD_MAX / 2;
    for (const [index, page] of all.entries()) {
      if (index === all.length - 1) continue;
      if (!isNear(index)) page.rows = undefined;
      else if (!page.rows && index >= first && index <= last) void reload(page).catch(failed);
    }
    if (first === 0) void loadOlder().catch(failed);
  }

  const refresh = createRefresher(takeNew, SOON_MS, failed);

  function failed(error: unknown): void {
    if (isClosed) return;
    if (state.value === "loading") {
      state.value = "refused";
      why.value = (error as Error).message;
    } else if ((error as { code?: string }).code !== "unreachable") say((error as Error).message, "refused");
  }

  function update(message: string, change: (row: Row) => Row): boolean {
    for (const page of pages.value) {
      const index = page.rows?.findIndex((row) => row.message === message) ?? -1;
      const row = page.rows?.[index];
      if (!page.rows || !row) continue;
      page.rows = page.rows.with(index, change(row));
      changed();
      return true;
    }
    return false;
  }

  function take(event: MeshEvent): void {
    const [subject, what] = event.type.split(".");
    const { message } = event;
    if (!message) return;
    if (subject === "delivery" && what !== "queued") {
      const handle = String(event.data.handle);
      update(message, (row) =>
        what === "entered"
          ? { ...row, entered: { ...row.entered, [handle]: true } }
          : { ...row, to: row.to.map((to) => (to.id === handle ? { ...to, state: what as DeliveryState } : to)) },
      );
    } else if (subject === "ask" && ASK_ENDS.has(what ?? "")) {
      update(message, (row) => ({ ...row, ask: what as AskState }));
    }
    // Whether it belongs here, the daemon knows.
    if (event.type === "message.accepted") refresh.trigger();
  }

  const stop = onEvents(take, () => refresh.trigger());
  void begin().catch(failed);

  return {
    pages,
    version,
    state,
    why,
    unseen,
    looksAt,
    get isWhole() {
      return older === undefined;
    },
    setAtEnd(is: boolean) {
      isAtEnd = is;
      if (is && unseen.value > 0) unseen.value = 0;
    },
    close() {
      isClosed = true;
      stop();
    },
  };
}

const ASK_ENDS = new Set<string>(["answered", "declined", "failed", "cancelled", "expired"]);

export type Timeline = ReturnType<typeof createTimeline>;
