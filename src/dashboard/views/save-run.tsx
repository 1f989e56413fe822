import { useEffect, useRef, useState } from "preact/hooks";
import { createRunWriter } from "../../protocol/run-file.ts";
import { call } from "../live/api.ts";
import { dayStart } from "../live/days.ts";
import { loadHealth } from "../live/health.ts";
import { saveFile } from "../live/save.ts";
import { attempt } from "../live/toasts.ts";
import { Dialog } from "../parts/dialog.tsx";

/** One file of everything that was said and what became of it, as `repowire export` writes it, for `repowire replay` or for somebody else. */
export function SaveRun({ since: day, onClose }: { since: string | undefined; onClose(): void }) {
  const [since, setSince] = useState(day ?? "");
  const [bodies, setBodies] = useState(true);
  const [count, setCount] = useState<number | undefined>(undefined);
  const ended = useRef(new AbortController());
  useEffect(() => () => ended.current.abort(), []);
  const isRunning = count !== undefined;

  async function save(event: Event): Promise<void> {
    event.preventDefault();
    setCount(0);
    const isDone = await attempt(async () => {
      const written = await writeRun(dayStart(since), bodies, setCount, ended.current.signal);
      return `Saved ${written.messages} messages and ${written.events} events of ${written.peers} peers.`;
    });
    if (isDone) onClose();
    else if (!ended.current.signal.aborted) setCount(undefined);
  }

  return (
    <Dialog title="Save a run as a file" onClose={onClose}>
      <form onSubmit={(event) => void save(event)}>
        <p>
          Conversations come whole: those that began on that day or later; without a day, all that is kept. The file is
          what <code>repowire replay</code> reads.
        </p>
        <label>
          Since (not needed)
          <input type="date" value={since} onInput={(event) => setSince(event.currentTarget.value)} />
        </label>
        <label class="choice">
          <input type="checkbox" checked={bodies} onChange={(event) => setBodies(event.currentTarget.checked)} /> with
          what was said
        </label>
        <p role="status" class="quiet">
          {isRunning
            ? `${count.toLocaleString()} messages so far…`
            : bodies
              ? "Whoever gets the file reads all that was said."
              : "Names of peers and folders stay in it."}
        </p>
        <div class="dialog-row">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="main" disabled={isRunning}>
            {isRunning ? "Saving…" : "Save"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Page by page into blobs, which the browser keeps outside the page's own memory. */
async function writeRun(
  since: number | undefined,
  bodies: boolean,
  onCount: (messages: number) => void,
  signal: AbortSignal,
) {
  const { version } = await loadHealth();
  const wish = { since, bodies };
  let page = await call("export", wish, signal);
  const parts: Blob[] = [];
  let lines: string[] = [];
  const put = () => {
    parts.push(new Blob(lines));
    lines = [];
  };
  const now = new Date();
  const header = { repowire: version, exported_at: now.getTime(), epoch: page.epoch, bodies, since };
  const writer = createRunWriter(header, (line) => void lines.push(line));
  writer.page(page);
  let messages = page.messages.length;
  while (page.cursor !== undefined) {
    put();
    onCount(messages);
    page = await call("export", { ...wish, after: page.cursor }, signal);
    writer.page(page);
    messages += page.messages.length;
  }
  const written = writer.end();
  put();
  saveFile(`repowire-${now.toISOString().slice(0, 19).replaceAll(":", "-")}.jsonl`, parts, "application/jsonl");
  return written;
}
