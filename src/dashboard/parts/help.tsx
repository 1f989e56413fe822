import type { Route } from "../live/route.ts";
import { Dialog } from "./dialog.tsx";

export interface Place {
  to: Route;
  name: string;
  key: string;
}

export function Help({ places, onClose }: { places: Place[]; onClose(): void }) {
  const keys: [string, string][] = [
    ["Ctrl K", "go to any peer, or do something"],
    ...places.map(({ key, name }): [string, string] => [key, name]),
    ["/ or r", "to the field for writing or finding"],
    ["Ctrl Enter", "send what you wrote"],
    ["Esc", "close what is open"],
    ["?", "this list"],
  ];
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </>
        ))}
      </dl>
    </Dialog>
  );
}
