import { useEffect, useState } from "preact/hooks";
import type { OperationInput, OperationOutput } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { go } from "../live/route.ts";
import { RUNTIME } from "../live/say.ts";
import { say } from "../live/toasts.ts";
import { Dialog } from "../parts/dialog.tsx";

type Options = OperationOutput<"spawn_options">;

/** Starts a session in one of the folders that the user's own configuration lists, as one of its runtimes or profiles. */
export function SpawnDialog({ onClose }: { onClose(): void }) {
  const [options, setOptions] = useState<Options | undefined>(undefined);
  const [refusal, setRefusal] = useState("");
  const [isRunning, setIsRunning] = useState(false);
  const [wish, setWish] = useState({ folder: "", below: "", as: "", prompt: "" });
  const change = (part: Partial<typeof wish>) => setWish((known) => ({ ...known, ...part }));
  useEffect(() => {
    call("spawn_options", {}).then(
      (found) => {
        setOptions(found);
        change({ folder: found.folders[0] ?? "", as: choices(found)[0]?.value ?? "" });
      },
      (error: Error) => setRefusal(error.message),
    );
  }, []);

  async function start(event: Event): Promise<void> {
    event.preventDefault();
    setIsRunning(true);
    setRefusal("");
    try {
      const result = await call("spawn", orderOf(wish));
      if (result.state === "started") {
        say(`${result.peer.name} is up, in ${result.pane}.`);
        go({ view: "peer", id: result.peer.id });
      } else say(`It waits for a decision: ${result.why}`);
      onClose();
    } catch (error) {
      setRefusal((error as Error).message);
    }
    setIsRunning(false);
  }

  const isEmpty = options && (options.folders.length === 0 || choices(options).length === 0);
  return (
    <Dialog title="Start a session" onClose={onClose}>
      {refusal ? (
        <p class="refusal" role="alert">
          <strong>Not started.</strong> {refusal}
        </p>
      ) : null}
      {!options && !refusal ? <p>Loading what may be started…</p> : null}
      {isEmpty ? (
        <>
          <p>
            The page starts sessions only in folders, and as runtimes or profiles, that your config.yaml lists. It lists
            none yet:
          </p>
          <pre>{"spawn:\n  folders: [~/work]\n  runtimes: [claude-code]"}</pre>
          <p>
            A terminal of yours starts one anywhere: <code>repowire peer new</code>.
          </p>
        </>
      ) : null}
      {options && !isEmpty ? (
        <form onSubmit={(event) => void start(event)}>
          <label>
            Folder
            <select value={wish.folder} onChange={(event) => change({ folder: event.currentTarget.value })}>
              {options.folders.map((folder) => (
                <option value={folder}>{folder}</option>
              ))}
            </select>
          </label>
          <label>
            Below it (not needed)
            <input
              type="text"
              placeholder="backend"
              value={wish.below}
              onInput={(event) => change({ below: event.currentTarget.value })}
            />
          </label>
          <label>
            As
            <select value={wish.as} onChange={(event) => change({ as: event.currentTarget.value })}>
              {choices(options).map(({ value, label }) => (
                <option value={value}>{label}</option>
              ))}
            </select>
          </label>
          <label>
            Its first message (not needed)
            <textarea rows={3} value={wish.prompt} onInput={(event) => change({ prompt: event.currentTarget.value })} />
          </label>
          <div class="dialog-row">
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button type="submit" class="main" disabled={isRunning}>
              {isRunning ? "Starting, up to a minute…" : "Start"}
            </button>
          </div>
        </form>
      ) : null}
    </Dialog>
  );
}

function choices({ runtimes, profiles }: Options): { value: string; label: string }[] {
  return [
    ...profiles.map(({ name, runtime }) => ({ value: `profile:${name}`, label: `${name} (${RUNTIME[runtime]})` })),
    ...runtimes.map((runtime) => ({ value: `runtime:${runtime}`, label: RUNTIME[runtime] })),
  ];
}

function orderOf({ folder, below, as, prompt }: { folder: string; below: string; as: string; prompt: string }) {
  const [kind, name = ""] = as.split(/:(.*)/s);
  const path = below.trim() === "" ? folder : `${folder.replace(/\/$/, "")}/${below.trim()}`;
  const order: OperationInput<"spawn"> = { path };
  if (kind === "profile") order.profile = name;
  else order.runtime = name as OperationInput<"spawn">["runtime"]; // a value of the list above
  if (prompt.trim() !== "") order.prompt = prompt;
  return order;
}
