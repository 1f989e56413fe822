import { startSession } from "../live/dialogs.ts";
import { Command } from "../parts/copy.tsx";

/** An empty mesh; it turns into the live page with the first peer. */
export function FirstRun() {
  return (
    <section class="welcome">
      <h1>No agent is here yet</h1>
      <p>Two commands, in any terminal. This page shows the first session the moment it joins.</p>
      <ol class="steps">
        <li>
          <p>Let your agent CLIs join (it shows a plan first, and takes everything back with one command):</p>
          <Command text="repowire setup" />
        </li>
        <li>
          <p>Then start an agent in a repository, as you always do:</p>
          <Command text="claude" />
        </li>
      </ol>
      <p>
        Or let repowire{" "}
        <button type="button" class="link" onClick={startSession}>
          start a session
        </button>{" "}
        for you.
      </p>
      <p class="waiting-for" role="status">
        <span class="pulse" aria-hidden="true" /> Waiting for the first peer…
      </p>
    </section>
  );
}
