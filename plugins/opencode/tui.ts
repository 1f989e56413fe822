import { SCREEN_CHANNEL } from "./screen-channel.ts";

/** What OpenCode gives a TUI plugin (1.18.33), as far as it is used. */
interface TuiApi {
  route: { current: { name: string; params?: { sessionID?: string } } };
  lifecycle?: { onDispose?(end: () => void): void };
}

/** The route has no event of its own. */
const LOOK_MS = 200;

/** The second half of the plugin: says which session is on the screen, and does nothing else. */
async function tui(api: TuiApi): Promise<void> {
  const channel = new BroadcastChannel(SCREEN_CHANNEL);
  const shown = () => {
    const { name, params } = api.route.current;
    return { name, params: params?.sessionID === undefined ? undefined : { sessionID: params.sessionID } };
  };
  let last = "";
  const tell = () => {
    const route = shown();
    last = JSON.stringify(route);
    channel.postMessage({ route });
  };
  channel.onmessage = (event: MessageEvent<unknown>) => {
    if (typeof event.data === "object" && event.data !== null && "want" in event.data) tell();
  };
  const looking = setInterval(() => {
    if (JSON.stringify(shown()) !== last) tell();
  }, LOOK_MS);
  api.lifecycle?.onDispose?.(() => {
    clearInterval(looking);
    channel.close();
  });
  tell();
}

export default { id: "repowire", tui };
