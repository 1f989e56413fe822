import { z } from "zod";
import type { ScreenRoute } from "./conversations.ts";
import { SCREEN_CHANNEL } from "./screen-channel.ts";

/**
 * The TUI plugin runs on the main thread, the server plugin in a worker of the same process: a BroadcastChannel joins them and does
 * not leave the process. `{route}` on load, on each change and when asked with `{want}`.
 */
const Told = z.object({
  route: z.object({ name: z.string(), params: z.object({ sessionID: z.string().optional() }).optional() }),
});

export function followScreen(onRoute: (route: ScreenRoute) => void): { close(): void } {
  const channel = new BroadcastChannel(SCREEN_CHANNEL);
  channel.onmessage = (event: MessageEvent<unknown>) => {
    const told = Told.safeParse(event.data).data;
    if (told) onRoute({ name: told.route.name, session: told.route.params?.sessionID });
  };
  // Whichever of the two starts first, one of them speaks to the other.
  channel.postMessage({ want: true });
  return { close: () => channel.close() };
}
