import { outReason } from "../live/mesh.ts";
import { Command } from "../parts/copy.tsx";
import { Toasts } from "../parts/toasts.tsx";

export function LoggedOut() {
  return (
    <main class="welcome" id="content">
      <h1>Log this browser in</h1>
      {outReason.value ? <p role="alert">{outReason.value}</p> : null}
      <p>What is said here is yours alone, so the page opens by a link that works once. In a terminal of your own:</p>
      <Command text="repowire dashboard" />
      <p class="quiet">It opens this page, logged in. On another device, open what this prints:</p>
      <Command text="repowire dashboard --print" />
      <Toasts />
    </main>
  );
}
