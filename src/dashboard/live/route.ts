import { computed, signal } from "@preact/signals";
import { address, parseRoute, type Route } from "./address.ts";

export { address, type FindFilters, type Route } from "./address.ts";

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export const route = computed<Route>(() => parseRoute(hash.value));

/** The same place, seen at another moment: an address to keep, not one to go back to. */
export function settle(to: Route): void {
  history.replaceState(history.state, "", address(to));
}

export function go(to: Route): void {
  location.hash = address(to);
}
