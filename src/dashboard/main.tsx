import { render } from "preact";
import { App, onKey } from "./app.tsx";
import { call, logIn, pageSecret, Refusal, takeCode } from "./live/api.ts";
import { connect, loggedOut } from "./live/mesh.ts";
import { watchWaiting } from "./live/notify.ts";

/** Logs in with the link's code, if there is one, and shows the page. */
async function start(): Promise<void> {
  const code = takeCode();
  try {
    // A link that was opened again, in a browser that is in already, is nothing to complain about.
    if (code) await logIn(code).catch((error) => stillIn(error));
    if (!pageSecret()) throw new Refusal("unauthorized", "");
    await connect();
  } catch (error) {
    loggedOut(error instanceof Refusal ? error : new Refusal("internal", String(error)));
  }
}

async function stillIn(refusal: unknown): Promise<void> {
  if (!pageSecret()) throw refusal;
  await call("whoami", {}).catch(() => {
    throw refusal;
  });
}

const root = document.getElementById("page");
if (root) {
  document.addEventListener("keydown", onKey);
  root.replaceChildren();
  render(<App />, root);
}
watchWaiting();
void start();
if ("serviceWorker" in navigator)
  void navigator.serviceWorker.register("/sw.js").catch(() => {
    // Without one the page is the same, but does not open while the daemon is down.
  });
