import { useEffect, useState } from "preact/hooks";
import type { Health as HealthReport } from "../../protocol/index.ts";
import { logOut, Refusal } from "../live/api.ts";
import { loadHealth } from "../live/health.ts";
import { loggedOut, now } from "../live/mesh.ts";
import { span } from "../live/say.ts";
import { attempt } from "../live/toasts.ts";
import { Charts } from "./charts.tsx";
import { Findings } from "./findings.tsx";
import { LogTail } from "./log-tail.tsx";
import { Mismatches } from "./mismatches.tsx";

/** How the daemon itself is, by its own account. */
export function Health() {
  const [health, setHealth] = useState<HealthReport | undefined>(undefined);
  const [why, setWhy] = useState("");
  const tick = now.value;
  useEffect(() => {
    loadHealth().then(
      (found) => {
        setHealth(found);
        setWhy("");
      },
      (error: Error) => setWhy(error.message),
    );
  }, [tick]);
  return (
    <section class="health" aria-labelledby="health-title">
      <header class="view-head">
        <h1 id="health-title">Health</h1>
        {health ? (
          <p class="quiet">
            repowire {health.version}, up {span(now.value - health.started_at)}, process {health.pid}
          </p>
        ) : null}
      </header>
      {why ? <p role="alert">{why}</p> : null}
      <Findings />
      <Charts />
      <Mismatches />
      <section aria-labelledby="parts-title">
        <h2 id="parts-title">Parts of the daemon</h2>
        <ul class="parts">
          {Object.entries(health?.parts ?? {}).map(([name, part]) => (
            <li key={name}>
              <span class={`chip ${part.ok ? "good" : "bad"}`}>
                <span class="mark" aria-hidden="true">
                  {part.ok ? "✓" : "✕"}
                </span>
                {part.ok ? "well" : "not well"}
              </span>{" "}
              {name.replaceAll("_", " ")}
              {part.detail ? <span class="quiet"> {part.detail}</span> : null}
            </li>
          ))}
        </ul>
        <dl class="counts">
          {Object.entries(health?.counts ?? {}).map(([name, count]) => (
            <div key={name}>
              <dt>{name.replaceAll("_", " ")}</dt>
              <dd>{count.toLocaleString()}</dd>
            </div>
          ))}
        </dl>
      </section>
      <LogTail />
      <h2>This browser</h2>
      <button
        type="button"
        onClick={() =>
          void attempt(async () => {
            await logOut();
            loggedOut(new Refusal("unauthorized", "You logged this browser out."));
            return "Logged out.";
          })
        }
      >
        Log out
      </button>
    </section>
  );
}
