/** What somebody began to write to whom: kept through updates, reloads and a closed tab, until it was taken. */
export interface Draft {
  text: string;
  kind: "ask" | "notify";
  urgency: "fyi" | "normal" | "urgent";
  /** The message's own id: sent again after a lost connection, it is still one message. Changed, it is another. */
  message: string;
  /** The files, by id, with which it was tried under this id. */
  attachments?: string[];
}

/** A file that the daemon has, and that is to go with what is being written; `at`: since when, in epoch milliseconds. */
export interface KeptFile {
  id: string;
  name: string;
  size: number;
  at: number;
}

const KEY = "repowire.draft.";
const FILES_KEY = "repowire.files.";
/** The oldest go first: a page that is open for months leaves no pile. */
const KEPT_MAX = 50;

export function readDraft(to: string): Draft {
  try {
    const { text, kind, urgency, message, attachments } = JSON.parse(localStorage.getItem(KEY + to) ?? "") as Draft; // as written below
    return { text, kind, urgency, message, attachments };
  } catch {
    // There is none, or one that an older page wrote in another way.
    return newDraft();
  }
}

export function writeDraft(to: string, draft: Draft): void {
  keep(KEY, to, draft.text.trim() === "" ? undefined : draft);
}

/** The files that a draft has beside its text. */
export function readFiles(to: string): KeptFile[] {
  try {
    return JSON.parse(localStorage.getItem(FILES_KEY + to) ?? "[]") as KeptFile[]; // as written below
  } catch {
    return [];
  }
}

export function writeFiles(to: string, files: readonly KeptFile[]): void {
  keep(FILES_KEY, to, files.length === 0 ? undefined : files);
}

function keep(kind: string, to: string, value: object | undefined): void {
  localStorage.removeItem(kind + to);
  if (!value) return;
  const names = Object.keys(localStorage).filter((name) => name.startsWith(kind));
  for (const name of names.slice(0, Math.max(0, names.length + 1 - KEPT_MAX))) localStorage.removeItem(name);
  localStorage.setItem(kind + to, JSON.stringify(value));
}

export const newDraft = (kind: Draft["kind"] = "ask"): Draft => ({
  text: "",
  kind,
  urgency: "normal",
  message: newMessageId(),
});

/** The draft as it is to be sent with these files: under the id that it was tried with before, if nothing is otherwise. */
export function withFiles(draft: Draft, attachments: string[]): Draft {
  const isSame = draft.attachments === undefined || draft.attachments.join() === attachments.join();
  return { ...draft, attachments, message: isSame ? draft.message : newMessageId() };
}

/** A UUID of version 7, as the daemon makes them: ordered by time. */
export function newMessageId(now: number = Date.now()): string {
  const random = crypto.getRandomValues(new Uint8Array(10));
  random[0] = ((random[0] ?? 0) & 0x0f) | 0x70;
  random[2] = ((random[2] ?? 0) & 0x3f) | 0x80;
  const hex =
    now.toString(16).padStart(12, "0") + [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `msg_${[hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-")}`;
}
