import { useState } from "preact/hooks";
import type { OperationOutput, Peer } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { attempt } from "../live/toasts.ts";
import { Command } from "../parts/copy.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { MailDialog } from "./peer-mail.tsx";
import { RoleDialog } from "./peer-role.tsx";

type Open = "rename" | "move" | "mail" | "role" | "end" | "restart" | "screen";

/** What a person may do to a session. Each is said to be done only after the daemon has said so. */
export function PeerActions({ peer }: { peer: Peer }) {
  const [open, setOpen] = useState<Open | undefined>(undefined);
  if (peer.role === "human" || peer.role === "service") return null;
  const close = () => setOpen(undefined);
  const isGone = peer.presence.state === "offline";
  return (
    <div class="actions">
      <button type="button" class="small" onClick={() => setOpen("rename")}>
        Rename…
      </button>
      <button type="button" class="small" onClick={() => setOpen("move")}>
        Move…
      </button>
      <button type="button" class="small" onClick={() => setOpen("mail")}>
        Mail…
      </button>
      {isGone ? null : (
        <button type="button" class="small" onClick={() => setOpen("role")}>
          Role…
        </button>
      )}
      {isGone || !peer.spawned_by ? null : (
        <button type="button" class="small" onClick={() => setOpen("screen")}>
          Screen…
        </button>
      )}
      {peer.spawned_by ? (
        <button type="button" class="small" onClick={() => setOpen("restart")}>
          Restart…
        </button>
      ) : null}
      {isGone ? null : (
        <button type="button" class="small danger" onClick={() => setOpen("end")}>
          End…
        </button>
      )}
      {open === "rename" ? (
        <Ask
          title={`Rename ${peer.name}`}
          label="New name"
          value={peer.name}
          button="Rename"
          onClose={close}
          run={async (name) => {
            const { peer: renamed, was } = await call("rename", { peer: peer.id, name });
            return `${was} is now ${renamed.name}.`;
          }}
        />
      ) : null}
      {open === "move" ? (
        <Ask
          title={`Move ${peer.name} to another circle`}
          label="Circle"
          value={peer.circle}
          button="Move"
          onClose={close}
          run={async (circle) => {
            const { peer: moved, was } = await call("move", { peer: peer.id, circle });
            return `${moved.name} went from circle ${was} to ${moved.circle}.`;
          }}
        />
      ) : null}
      {open === "mail" ? <MailDialog peer={peer} onClose={close} /> : null}
      {open === "role" ? <RoleDialog peer={peer} onClose={close} /> : null}
      {open === "end" ? <End peer={peer} onClose={close} /> : null}
      {open === "restart" ? <Restart peer={peer} onClose={close} /> : null}
      {open === "screen" ? <Screen peer={peer} onClose={close} /> : null}
    </div>
  );
}

interface AskProps {
  title: string;
  label: string;
  value: string;
  button: string;
  onClose(): void;
  run(value: string): Promise<string>;
}

function Ask({ title, label, value, button, onClose, run }: AskProps) {
  const [text, setText] = useState(value);
  const [isRunning, setIsRunning] = useState(false);
  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setIsRunning(true);
    if (await attempt(() => run(text.trim()))) onClose();
    setIsRunning(false);
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          {label}
          <input type="text" value={text} maxLength={64} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <div class="dialog-row">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="main" disabled={isRunning || text.trim() === "" || text.trim() === value}>
            {isRunning ? "…" : button}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Restart({ peer, onClose }: { peer: Peer; onClose(): void }) {
  const [isRunning, setIsRunning] = useState(false);
  const [fresh, setFresh] = useState(false);
  async function restart(): Promise<void> {
    setIsRunning(true);
    const isDone = await attempt(async () => {
      const result = await call("restart", { peer: peer.id, ...(fresh ? { fresh } : {}) });
      if (result.state !== "started") return `It waits for a decision: ${result.why}`;
      return `${result.peer.name} is up again, ${result.continues ? "with its conversation" : "with a new conversation"}.`;
    });
    if (isDone) onClose();
    setIsRunning(false);
  }
  return (
    <Dialog title={`Restart ${peer.name}?`} onClose={onClose}>
      <p>
        What runs of it is ended first, in the middle of whatever it does. It comes back in its seat, with its mail and
        its open questions, and where its CLI can, with its conversation.
      </p>
      <label class="choice">
        <input type="checkbox" checked={fresh} onChange={(event) => setFresh(event.currentTarget.checked)} /> begin a
        new conversation
      </label>
      <div class="dialog-row">
        <button type="button" onClick={onClose}>
          Leave it as it is
        </button>
        <button type="button" class="danger" disabled={isRunning} onClick={() => void restart()}>
          {isRunning ? "Restarting, up to a minute…" : "Restart it"}
        </button>
      </div>
    </Dialog>
  );
}

function End({ peer, onClose }: { peer: Peer; onClose(): void }) {
  const [isRunning, setIsRunning] = useState(false);
  async function end(): Promise<void> {
    setIsRunning(true);
    if (await attempt(async () => ended(await call("kill", { peer: peer.id })))) onClose();
    setIsRunning(false);
  }
  return (
    <Dialog title={`End the session of ${peer.name}?`} onClose={onClose}>
      <p>
        Its process is ended with what it started. Questions to it fail, and their askers are told. Files stay as they
        are; its seat and its mail stay, too.
      </p>
      <div class="dialog-row">
        <button type="button" onClick={onClose}>
          Leave it running
        </button>
        <button type="button" class="danger" disabled={isRunning} onClick={() => void end()}>
          {isRunning ? "Ending…" : "End it"}
        </button>
      </div>
    </Dialog>
  );
}

function ended({ peer, already, ended: processes, left, uncommitted, failed_asks }: OperationOutput<"kill">): string {
  if (already) return `${peer} was not running.`;
  if (left.length > 0)
    return `${peer}: ${left.length} of its processes still run (${left.map(({ pid }) => pid).join(", ")}).`;
  const files = uncommitted?.files ? ` ${uncommitted.files} files in ${uncommitted.path} are not committed.` : "";
  const asks = failed_asks > 0 ? ` ${failed_asks} open questions to it failed.` : "";
  return `${peer} was ended (${processes.length} processes).${files}${asks}`;
}

function Screen({ peer, onClose }: { peer: Peer; onClose(): void }) {
  const [pane, setPane] = useState<OperationOutput<"pane"> | undefined>(undefined);
  const [isAsked, setIsAsked] = useState(false);
  if (!isAsked) {
    setIsAsked(true);
    void attempt(async () => {
      const found = await call("pane", { peer: peer.id });
      setPane(found);
      return `The screen of ${found.peer} is ${found.label}.`;
    }).then((isFound) => {
      if (!isFound) onClose();
    });
  }
  return (
    <Dialog title={`The screen of ${peer.name}`} onClose={onClose}>
      {pane ? (
        <>
          <p>In a terminal of your own:</p>
          <Command text={pane.attach.join(" ")} />
        </>
      ) : (
        <p>Looking for it…</p>
      )}
    </Dialog>
  );
}
