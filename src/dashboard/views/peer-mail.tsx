import { useState } from "preact/hooks";
import type { OperationInput, Peer } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { visible } from "../live/markdown.ts";
import { timeOf } from "../live/say.ts";
import { attempt } from "../live/toasts.ts";
import { Dialog } from "../parts/dialog.tsx";

type Policy = OperationInput<"set_inbound">["policy"];

const POLICIES: readonly { value: Policy; label: string }[] = [
  { value: "auto", label: "by the rule for its mode" },
  { value: "accept", label: "let all in" },
  { value: "hold", label: "hold each for me" },
  { value: "refuse", label: "refuse all" },
];
const MINUTES = [15, 30, 60, 120, 480] as const;

/** What happens to messages for a session before they reach it: for a while, or until it is decided otherwise. */
export function MailDialog({ peer, onClose }: { peer: Peer; onClose(): void }) {
  const [minutes, setMinutes] = useState("30");
  const [policy, setPolicy] = useState<Policy | "">("");
  const [isRunning, setIsRunning] = useState(false);
  async function run(work: () => Promise<string>): Promise<void> {
    setIsRunning(true);
    if (await attempt(work)) onClose();
    setIsRunning(false);
  }
  const quiet = (seconds: number) =>
    run(async () => {
      const { peer: now, until, waiting } = await call("quiet", { peer: peer.id, seconds });
      const rest = waiting > 0 ? ` ${waiting} wait for it.` : "";
      return until === undefined
        ? `${now.name} takes messages as before.${rest}`
        : `${now.name} gets nothing until ${timeOf(until, Date.now())}; senders read that it is held.${rest}`;
    });
  const decide = (chosen: Policy) =>
    run(async () => {
      const { peer: now, released } = await call("set_inbound", { peer: peer.id, policy: chosen });
      return `${now.name}: ${POLICIES.find(({ value }) => value === chosen)?.label}.${released > 0 ? ` ${released} that were held follow.` : ""}`;
    });
  const why = peer.inbound_reason?.split("; fix:")[0];
  const now = peer.inbound === "accept" ? "let in" : peer.inbound === "hold" ? "held" : "refused";
  return (
    <Dialog title={`Messages for ${peer.name}`} onClose={onClose}>
      <p>
        Now they are {now}
        {why ? `: ${visible(why)}` : ""}. Answers to its own questions always come back.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void quiet(Number(minutes) * 60);
        }}
      >
        <label>
          Quiet for
          <select value={minutes} onChange={(event) => setMinutes(event.currentTarget.value)}>
            {MINUTES.map((count) => (
              <option key={count} value={count}>
                {count < 60 ? `${count} minutes` : count === 60 ? "an hour" : `${count / 60} hours`}
              </option>
            ))}
          </select>
        </label>
        <div class="dialog-row">
          <button type="button" disabled={isRunning} onClick={() => void quiet(0)}>
            End quiet
          </button>
          <button type="submit" class="main" disabled={isRunning}>
            Quiet
          </button>
        </div>
      </form>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (policy !== "") void decide(policy);
        }}
      >
        <label>
          From now on
          <select value={policy} onChange={(event) => setPolicy(event.currentTarget.value as Policy | "")}>
            <option value="">choose…</option>
            {POLICIES.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <div class="dialog-row">
          <button type="submit" disabled={isRunning || policy === ""}>
            Decide
          </button>
        </div>
      </form>
    </Dialog>
  );
}
