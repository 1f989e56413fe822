import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { findTmux, PANE_ID, TmuxError, tmuxServer } from "../adapters/tmux/index.ts";
import type { PaneRecord } from "../core/ports.ts";
import { instanceOf, processCwd } from "../platform/process.ts";
import { runBriefly } from "../platform/run.ts";
import { RepowireError } from "../protocol/index.ts";

/** Windows of the user's tmux server that sessions are started in. Commands are argument arrays; no shell is in between. */

export const SESSION = "repowire";
const START_MS = 10_000;
const CHDIR_MS = 1_000;

/** The server that a person's own `tmux` talks to. */
export const usualSocket = (env: Record<string, string | undefined>): string =>
  `${env.TMUX_TMPDIR || "/tmp"}/tmux-${process.getuid?.() ?? 0}/default`;

/** A word that tmux passes on as it is: one that ends in `;` would end the command. */
const word = (text: string): string => (text.endsWith(";") ? `${text.slice(0, -1)}\\;` : text);
/** A folder as tmux takes it: `#(…)` in it would be run, `#{…}` replaced. */
const folderWord = (path: string): string => word(path.replaceAll("#", "##"));

/** Opens a window of its own and runs the command in it; the pane stays when the command ends, so that its screen can be read. */
export async function openWindow(
  socket: string,
  window: { name: string; folder: string; command: string[] },
): Promise<PaneRecord> {
  const tmux = findTmux();
  if (!tmux)
    throw new RepowireError("unavailable", "Sessions are started in tmux, which is not installed here. Install tmux.");
  mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
  const run = (args: string[]) => runBriefly([tmux, "-u", "-S", socket, ...args], { cwd: "/", timeoutMs: START_MS });
  const hasSession = (await run(["has-session", "-t", `=${SESSION}`]))?.code === 0;
  const open = hasSession
    ? ["new-window", "-d", "-a", "-t", `=${SESSION}:{end}`]
    : ["new-session", "-d", "-s", SESSION, "-x", "160", "-y", "50"];
  const format = "#{pane_id}\t#{pane_pid}\t#{session_name}:#{window_index}.#{pane_index}";
  const result = await run([
    ...[...open, "-P", "-F", format, "-n", window.name, "-c", folderWord(window.folder), "--"],
    ...window.command.map(word),
    ...[";", "set-option", "-w", "-t", `=${SESSION}:{end}`, "remain-on-exit", "on"],
  ]);
  const [pane, pid, label] = result?.out.trim().split("\t") ?? [];
  if (result?.code !== 0 || !pane || !PANE_ID.test(pane) || !label)
    throw new RepowireError("launch_failed", `tmux could not open a window: ${result?.err.trim() || "no answer"}.`);
  const root = instanceOf(Number(pid));
  if (!root) throw new RepowireError("launch_failed", "its program ended at once.");
  const record = { socket, pane, label, root };
  const cwd = await folderOf(root.pid, window.folder);
  if (cwd !== undefined && cwd !== window.folder) {
    await closePane(record);
    throw new RepowireError("launch_failed", `tmux started it in ${cwd} instead of ${window.folder}.`);
  }
  return record;
}

/** The pane's process goes to its folder a moment after it is there; where tmux cannot, it takes another without a word (3.3a). */
async function folderOf(pid: number, wanted: string): Promise<string | undefined> {
  const deadline = Date.now() + CHDIR_MS;
  for (;;) {
    const cwd = processCwd(pid);
    if (cwd === undefined || cwd === wanted || Date.now() > deadline) return cwd;
    await Bun.sleep(20);
  }
}

/** What the pane shows; undefined when it is gone, or is another server's pane of that number. */
export async function readPane(pane: PaneRecord): Promise<{ isDead: boolean; lines: string[] } | undefined> {
  try {
    const out = await tmuxServer(pane.socket).run([
      ...["display-message", "-p", "-t", pane.pane, "#{pane_pid}\t#{pane_dead}", ";"],
      ...["capture-pane", "-p", "-t", pane.pane],
    ]);
    const [first = "", ...lines] = out.split("\n");
    const [pid, isDead] = first.split("\t");
    if (Number(pid) !== pane.root.pid) return undefined;
    if (isDead !== "1") return { isDead: false, lines };
    // With what has scrolled away: the notice of a dead pane moves the screen up by a line (3.3a).
    const all = await tmuxServer(pane.socket).run(["capture-pane", "-p", "-S", "-50", "-t", pane.pane]);
    return { isDead: true, lines: all.split("\n") };
  } catch (error) {
    if (error instanceof TmuxError) return undefined;
    throw error;
  }
}

/** How a person opens the pane: from outside its server, and from another window of it. */
export async function paneDoors(pane: PaneRecord): Promise<{ attach: string[]; switchTo: string[] } | undefined> {
  const tmux = findTmux();
  if (!tmux || !(await readPane(pane))) return undefined;
  const command = [tmux, "-u", "-S", pane.socket];
  const show = ["select-window", "-t", pane.pane, ";", "select-pane", "-t", pane.pane, ";"];
  return {
    attach: [...command, ...show, "attach-session", "-t", pane.pane],
    switchTo: [...command, "switch-client", "-t", pane.pane],
  };
}

export async function closeWithProgram(pane: PaneRecord): Promise<void> {
  if (await readPane(pane)) await quietly(pane, ["set-option", "-w", "-t", pane.pane, "remain-on-exit", "off"]);
}

export async function pressEnter(pane: PaneRecord): Promise<void> {
  await quietly(pane, ["send-keys", "-t", pane.pane, "Enter"]);
}

/** Resolves to whether it is gone. */
export async function closePane(pane: PaneRecord): Promise<boolean> {
  if (await readPane(pane)) await quietly(pane, ["kill-pane", "-t", pane.pane]);
  return (await readPane(pane)) === undefined;
}

async function quietly(pane: PaneRecord, args: string[]): Promise<void> {
  try {
    await tmuxServer(pane.socket).run(args);
  } catch (error) {
    // The pane went meanwhile; whoever asks for its state sees that.
    if (!(error instanceof TmuxError)) throw error;
  }
}
