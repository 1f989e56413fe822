import { type ReadonlySignal, signal } from "@preact/signals";
import type { Attachment, Handle } from "../../protocol/index.ts";
import { FILE_LIMITS } from "../../protocol/limits-files.ts";
import { Refusal, upload } from "./api.ts";
import { type KeptFile, readFiles, writeFiles } from "./drafts.ts";

/** A file that somebody wants to go with a message. */
export interface TrayFile {
  key: number;
  name: string;
  size: number;
  /** Only what is `here` can go with a message: the daemon has all of it. */
  state: "coming" | "here" | "refused";
  /** What the daemon calls it, and since when it has it (epoch milliseconds). */
  id?: Handle;
  at?: number;
  /** Why it was refused, and whether another try may help. */
  why?: string;
  mayTryAgain?: boolean;
}

/** The files of one message that is being written: brought to the daemon as they are chosen, one after the other. */
export interface Tray {
  readonly files: ReadonlySignal<readonly TrayFile[]>;
  /** What was not taken into the tray at all, and why. */
  readonly notice: ReadonlySignal<string>;
  add(chosen: readonly File[]): void;
  /** Takes it out; on its way, it is stopped. */
  remove(key: number): void;
  tryAgain(key: number): void;
  /**
   * The ids of all files, once all are with the daemon; what the daemon will have forgotten soon is brought again. Throws with a
   * sentence if one of them was refused: no file is left out without a word.
   */
  ready(): Promise<Handle[]>;
  /** They went with a message, or never will. */
  clear(): void;
}

export interface TrayParts {
  upload(file: File, signal: AbortSignal): Promise<Attachment>;
  /** What was in the tray before the page was loaded anew; told what to keep for the next time. */
  kept?: readonly KeptFile[];
  onChange?(files: readonly KeptFile[]): void;
  /** Epoch milliseconds. */
  now?(): number;
}

const COUNT_MAX = FILE_LIMITS.attachmentsPerMessageMax.value;
const BYTES_MAX = FILE_LIMITS.attachmentBytesMax.value;
/** Brought again in time before the daemon forgets it. */
const FRESH_MS = FILE_LIMITS.attachmentUnsentMs.value - 300_000;

export function createTray({ upload, kept = [], onChange, now = Date.now }: TrayParts): Tray {
  let nextKey = 1;
  const sources = new Map<number, File>();
  const running = new Map<number, AbortController>();
  /** Ends when everything that was begun so far has ended. */
  let line: Promise<void> = Promise.resolve();
  const notice = signal("");
  const files = signal<readonly TrayFile[]>(
    kept.map(({ id, name, size, at }) => {
      const file = { key: nextKey++, name, size };
      return isFresh(at) ? { ...file, state: "here", id, at } : { ...file, state: "refused", why: FORGOTTEN };
    }),
  );

  function isFresh(at: number | undefined): boolean {
    return at !== undefined && now() - at < FRESH_MS;
  }

  function show(next: readonly TrayFile[]): void {
    files.value = next;
    onChange?.(next.flatMap(({ id, name, size, at }) => (id && at !== undefined ? { id, name, size, at } : [])));
  }

  function set(key: number, state: Omit<TrayFile, "key" | "name" | "size"> & { name?: string }): void {
    show(files.value.map((file) => (file.key === key ? { key, name: file.name, size: file.size, ...state } : file)));
  }

  /** One at a time: the daemon takes few of one person's files at once. */
  function bring(key: number): void {
    const file = sources.get(key);
    if (!file) return set(key, { state: "refused", why: FORGOTTEN });
    const abort = new AbortController();
    running.set(key, abort);
    set(key, { state: "coming" });
    line = line.then(async () => {
      try {
        if (abort.signal.aborted) return;
        const { id, name } = await upload(file, abort.signal);
        if (!abort.signal.aborted) set(key, { state: "here", id, name, at: now() });
      } catch (error) {
        if (!abort.signal.aborted)
          set(key, { state: "refused", why: (error as Error).message, mayTryAgain: error instanceof Refusal });
      } finally {
        if (running.get(key) === abort) running.delete(key);
      }
    });
  }

  function forget(key: number): void {
    running.get(key)?.abort();
    running.delete(key);
    sources.delete(key);
  }

  return {
    files,
    notice,
    add(chosen) {
      const fitting = chosen.slice(0, Math.max(0, COUNT_MAX - files.value.length));
      const left = chosen.slice(fitting.length).map(({ name }) => name);
      notice.value =
        left.length > 0 ? `At most ${COUNT_MAX} files go with a message. Left out: ${left.join(", ")}.` : "";
      for (const file of fitting) {
        const key = nextKey++;
        const known = { key, name: file.name, size: file.size };
        const isTooLarge = file.size > BYTES_MAX;
        show([
          ...files.value,
          { ...known, ...(isTooLarge ? { state: "refused", why: TOO_LARGE } : { state: "coming" }) },
        ]);
        if (isTooLarge) continue;
        sources.set(key, file);
        bring(key);
      }
    },
    remove(key) {
      forget(key);
      notice.value = "";
      show(files.value.filter((file) => file.key !== key));
    },
    tryAgain: bring,
    async ready() {
      for (const { key, state, at } of files.value) if (state === "here" && !isFresh(at)) bring(key);
      // More may be chosen, or removed, while this waits.
      for (let seen: Promise<void> | undefined; seen !== line; ) {
        seen = line;
        await seen;
      }
      const refused = files.value.filter(({ state }) => state === "refused").map(({ name }) => name);
      if (refused.length > 0)
        throw new Error(`Not attached: ${refused.join(", ")}. Remove it, or attach it again; then send.`);
      return files.value.flatMap(({ id }) => id ?? []);
    },
    clear() {
      for (const { key } of files.value) forget(key);
      notice.value = "";
      show([]);
    },
  };
}

const trays = new Map<string, Tray>();

/** The files for one peer: like the draft, they stay while another conversation is looked at, and through a reload. */
export function trayFor(peer: string): Tray {
  const known = trays.get(peer);
  if (known) return known;
  const tray = createTray({ upload, kept: readFiles(peer), onChange: (files) => writeFiles(peer, files) });
  trays.set(peer, tray);
  return tray;
}

const TOO_LARGE = `A file may have ${BYTES_MAX / 1_000_000} MB at most. Attach the part that matters, or commit it and name its path.`;
const FORGOTTEN = "It waited for too long, and is no longer with the daemon. Remove it, and attach it again.";
