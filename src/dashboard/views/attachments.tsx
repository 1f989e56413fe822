import { useState } from "preact/hooks";
import type { Attachment } from "../../protocol/index.ts";
import { bytesOf } from "../live/api.ts";
import { visible } from "../live/markdown.ts";
import { saveFile } from "../live/save.ts";
import { fileSize } from "../live/say.ts";

/** Files that came with a message: saved on a press, never shown. What a sender calls its type is not believed. */
export function Attachments({ files }: { files: readonly Attachment[] | undefined }) {
  const [why, setWhy] = useState("");
  const [running, setRunning] = useState("");
  if (!files || files.length === 0) return null;
  async function save(file: Attachment): Promise<void> {
    setRunning(file.id);
    setWhy("");
    try {
      saveFile(file.name, [await bytesOf(file.id)], "application/octet-stream");
    } catch (error) {
      setWhy((error as Error).message);
    }
    setRunning("");
  }
  return (
    <>
      <ul class="attachments" aria-label="attached files">
        {files.map((file) => (
          <li key={file.id}>
            <button type="button" class="small" disabled={running === file.id} onClick={() => void save(file)}>
              {running === file.id ? "Saving…" : `Save ${visible(file.name)}`}{" "}
              <span class="quiet">{fileSize(file.size)}</span>
            </button>
          </li>
        ))}
      </ul>
      {why ? <p role="alert">{why}</p> : null}
    </>
  );
}
