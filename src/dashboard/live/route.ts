import { computed, signal } from "@preact/signals";

/** Where in the page somebody is; it stands behind the `#`, so that every place has an address of its own. */
export type Route =
  | { view: "mesh" }
  | { view: "peer"; id: string }
  | { view: "thread"; id: string }
  | { view: "waits" }
  | { view: "find"; words: string }
  | { view: "health" };

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export const route = computed<Route>(() => parseRoute(hash.value));

export function parseRoute(text: string): Route {
  const [view, rest = ""] = text.replace(/^#\/?/, "").split(/\/(.*)/s);
  const argument = decode(rest);
  if (view === "peer" && argument) return { view, id: argument };
  if (view === "thread" && argument) return { view, id: argument };
  if (view === "waits" || view === "health") return { view };
  if (view === "find") return { view, words: argument };
  return { view: "mesh" };
}

export function address(to: Route): string {
  if (to.view === "peer" || to.view === "thread") return `#/${to.view}/${encodeURIComponent(to.id)}`;
  if (to.view === "find") return `#/find/${encodeURIComponent(to.words)}`;
  return `#/${to.view}`;
}

export function go(to: Route): void {
  location.hash = address(to);
}

/** An address that somebody typed may be no encoding at all. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
