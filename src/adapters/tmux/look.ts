import type { Pane } from "./find.ts";

/** What a pane shows at one instant, by tmux's own account. */
export interface Look {
  /** Its first process; another one means that the pane was made anew. */
  rootPid: number;
  isDead: boolean;
  /** Copy mode and the like: keys go to tmux, not to the program. */
  isInMode: boolean;
  /** Keys are copied to other panes (`synchronize-panes`), or take no input at all. */
  isShared: boolean;
  cursor: { isShown: boolean; x: number; y: number };
  width: number;
  title: string;
  /** When somebody last did something at a client that shows this pane (epoch ms, whole seconds); undefined: no client shows it. */
  clientActiveAt: number | undefined;
  /** The screen's lines from the top, without what stands behind their last visible character. */
  lines: string[];
  /** The same lines with their colours (SGR). */
  styled: string[];
}

const FIELDS = [
  "pane_pid",
  "pane_dead",
  "pane_in_mode",
  "pane_synchronized",
  "pane_input_off",
  "cursor_flag",
  "cursor_x",
  "cursor_y",
  "pane_width",
  // Last: it is the program's own text.
  "pane_title",
];
const FORMAT = FIELDS.map((field) => `#{${field}}`).join("\t");
const SCREEN = "=== screen ===";

/** Looks once: state, clients and screen in one round, so that they belong together. Throws `TmuxError` when the pane is gone. */
export async function look(pane: Pane): Promise<Look> {
  const target = ["-t", pane.id];
  return parseLook(
    pane.id,
    await pane.server.run([
      ...["display-message", "-p", ...target, FORMAT, ";"],
      ...["list-clients", "-F", "#{client_activity}\t#{pane_id}", ";"],
      ...["display-message", "-p", ...target, SCREEN, ";"],
      ...["capture-pane", "-p", "-e", ...target],
    ]),
  );
}

export function parseLook(paneId: string, printed: string): Look {
  const [first = "", ...rest] = printed.split("\n");
  const at = rest.indexOf(SCREEN);
  const [rootPid, dead, inMode, synchronized, inputOff, shown, x, y, width, ...title] = first.split("\t");
  const active = rest
    .slice(0, at)
    .map((line) => line.split("\t"))
    .filter(([, shownPane]) => shownPane === paneId)
    .map(([seconds]) => Number(seconds) * 1_000);
  const styled = rest.slice(at + 1);
  return {
    rootPid: Number(rootPid),
    isDead: dead === "1",
    isInMode: inMode !== "0" && inMode !== "",
    isShared: synchronized === "1" || inputOff === "1",
    cursor: { isShown: shown === "1", x: Number(x), y: Number(y) },
    width: Number(width),
    title: title.join("\t").trim(),
    clientActiveAt: active.length > 0 ? Math.max(...active) : undefined,
    lines: styled.map((line) => Bun.stripANSI(line).trimEnd()),
    styled,
  };
}
