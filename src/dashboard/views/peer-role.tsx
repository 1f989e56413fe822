import { useState } from "preact/hooks";
import type { Peer } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { attempt } from "../live/toasts.ts";
import { Dialog } from "../parts/dialog.tsx";

/** Appointing an orchestrator gives a session reach over all others, so what that means stands before the button. */
export function RoleDialog({ peer, onClose }: { peer: Peer; onClose(): void }) {
  const [isRunning, setIsRunning] = useState(false);
  const isOrchestrator = peer.role === "orchestrator";
  const role = isOrchestrator ? "agent" : "orchestrator";
  async function set(): Promise<void> {
    setIsRunning(true);
    const isDone = await attempt(async () => {
      const { peer: now } = await call("set_role", { peer: peer.id, role });
      return now.role === "orchestrator" ? `${now.name} is an orchestrator now.` : `${now.name} is an agent again.`;
    });
    if (isDone) onClose();
    setIsRunning(false);
  }
  return (
    <Dialog
      title={isOrchestrator ? `Take the role back from ${peer.name}?` : `Make ${peer.name} an orchestrator?`}
      onClose={onClose}
    >
      {isOrchestrator ? (
        <p>It stays as it is, but reaches its own circle only, and its messages are requests of a colleague again.</p>
      ) : (
        <p>
          Other sessions take its messages as tasks from you. It sees and reaches every circle, and may write now to a
          busy session. That holds for this session only: the next one in its seat is an agent.
        </p>
      )}
      <div class="dialog-row">
        <button type="button" onClick={onClose}>
          Leave it as it is
        </button>
        <button
          type="button"
          class={isOrchestrator ? "main" : "danger"}
          disabled={isRunning}
          onClick={() => void set()}
        >
          {isRunning ? "…" : isOrchestrator ? "Take it back" : "Make it orchestrator"}
        </button>
      </div>
    </Dialog>
  );
}
