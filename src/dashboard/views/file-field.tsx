import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { upload } from "../live/api.ts";
import { visible } from "../live/markdown.ts";
import { fileSize } from "../live/say.ts";
import { createTray, type Tray, type TrayFile } from "../live/tray.ts";

/** Chooses files for the message that is being written. */
export function AttachButton({ tray, isOff, words }: { tray: Tray; isOff: boolean; words?: string }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          tray.add([...(event.currentTarget.files ?? [])]);
          // The same file, chosen once more, is a choice again.
          event.currentTarget.value = "";
        }}
      />
      <button
        type="button"
        class={words ? "attach" : "attach sign"}
        data-attaches
        aria-label="Attach files"
        title="Attach files: choose, drop or paste them"
        disabled={isOff}
        onClick={() => input.current?.click()}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M20 11.5l-8.2 8.2a5 5 0 0 1-7.1-7.1l8.6-8.6a3.4 3.4 0 0 1 4.8 4.8l-8.6 8.6a1.7 1.7 0 0 1-2.4-2.4l7.8-7.8" />
        </svg>
        {words}
      </button>
    </>
  );
}

/** What will go with the message: each file with its size and how far it is, and a button that takes it out. */
export function FilesToSend({ tray }: { tray: Tray }) {
  const list = useRef<HTMLUListElement>(null);
  const files = tray.files.value;

  /** The next thing to press has the focus then: a keyboard does not lose its place. */
  function takeOut(button: HTMLElement, { key }: TrayFile): void {
    const all = [...(list.current?.querySelectorAll<HTMLElement>("[data-takes-out]") ?? [])];
    const at = all.indexOf(button);
    const next = all[at + 1] ?? all[at - 1] ?? button.closest("form")?.querySelector<HTMLElement>("[data-attaches]");
    next?.focus();
    tray.remove(key);
  }

  return (
    <>
      {files.length > 0 ? (
        <ul class="to-send" ref={list} aria-label="files to send">
          {files.map((file) => (
            <li key={file.key} class={file.state}>
              <span class="file-name">{visible(file.name)}</span>
              <span class="file-state">
                {fileSize(file.size)} · {STATE[file.state]}
              </span>
              {file.mayTryAgain ? (
                <button
                  type="button"
                  class="small"
                  aria-label={`Attach ${visible(file.name)} again`}
                  onClick={() => tray.tryAgain(file.key)}
                >
                  Try again
                </button>
              ) : null}
              <button
                type="button"
                class="small plain"
                data-takes-out
                aria-label={`Remove ${visible(file.name)}`}
                onClick={(event) => takeOut(event.currentTarget, file)}
              >
                ✕
              </button>
              {file.why ? <p class="why">{file.why}</p> : null}
            </li>
          ))}
        </ul>
      ) : null}
      {tray.notice.value ? (
        <p class="refusal" role="alert">
          {visible(tray.notice.value)}
        </p>
      ) : null}
      <p class="hidden" role="status">
        {summary(files)}
      </p>
    </>
  );
}

const STATE: Record<TrayFile["state"], string> = { coming: "uploading…", here: "attached", refused: "not attached" };

/** For those who hear the page: what changed, in one sentence. */
function summary(files: readonly TrayFile[]): string {
  if (files.length === 0) return "";
  const here = files.filter(({ state }) => state === "here").length;
  const refused = files.filter(({ state }) => state === "refused");
  const all = `${here} of ${files.length} ${files.length === 1 ? "file" : "files"} attached.`;
  return [all, ...refused.map(({ name, why }) => `${visible(name)} is not: ${why ?? ""}`)].join(" ");
}

/** The files of a dialog: closed, it forgets them. */
export function useTray(): Tray {
  const tray = useMemo(() => createTray({ upload }), []);
  useEffect(() => () => tray.clear(), [tray]);
  return tray;
}

/**
 * Takes files that are dropped anywhere on the conversation, or on the dialog, that the form stands in. Beside it the browser would
 * leave the page for the file. Returns whether something is held over it.
 */
export function useDrop(form: RefObject<HTMLFormElement | null>, tray: Tray, isOff: boolean): boolean {
  const [isOver, setIsOver] = useState(false);
  useEffect(() => {
    const place = form.current?.closest<HTMLElement>(".conversation, dialog");
    if (!place) return;
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      if (isOff) event.dataTransfer.dropEffect = "none";
      else setIsOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!place.contains(event.relatedTarget as Node | null)) setIsOver(false);
    };
    const drop = (event: DragEvent) => {
      setIsOver(false);
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      if (!isOff) tray.add([...event.dataTransfer.files]);
    };
    place.addEventListener("dragover", over);
    place.addEventListener("dragleave", leave);
    place.addEventListener("drop", drop);
    return () => {
      place.removeEventListener("dragover", over);
      place.removeEventListener("dragleave", leave);
      place.removeEventListener("drop", drop);
    };
  }, [form, tray, isOff]);
  return isOver;
}

/** Takes a pasted file. Beside text it is the same again as a picture, as some programs copy it: the text is what was meant. */
export function takePasted(event: ClipboardEvent, tray: Tray): void {
  const { clipboardData } = event;
  if (!clipboardData || clipboardData.files.length === 0 || clipboardData.types.includes("text/plain")) return;
  event.preventDefault();
  tray.add([...clipboardData.files]);
}
