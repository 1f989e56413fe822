import type { Stopped } from "../core/ports.ts";
import {
  commandLines,
  type Instance,
  instanceOf,
  isAlive,
  processArgs,
  processGroup,
  processInfo,
} from "../platform/process.ts";

/**
 * Ends one process and what it started: TERM to its group, KILL after the grace to what is left. Proven by pid and start time before
 * every signal, since a pid is used again. `isKept`: shared servers that only happen to be below it, with all that is below them.
 */
export async function endProcess(
  root: Instance,
  options: { graceMs: number; isKept(args: readonly string[]): boolean },
): Promise<Omit<Stopped, "pane_gone">> {
  if (!isAlive(root)) return { ended: [], left: [] };
  const tree = [root, ...below(root.pid, options.isKept)].map((instance) => ({
    instance,
    command: nameOf(instance.pid),
    by: "TERM" as "TERM" | "KILL",
  }));
  if (processGroup(root.pid) === root.pid) signal(-root.pid, "SIGTERM");
  else signal(root.pid, "SIGTERM");
  const lives = () => tree.filter(({ instance }) => isAlive(instance));
  await waitUntil(() => !isAlive(root), options.graceMs);
  await waitUntil(() => lives().length === 0, Math.min(1_000, options.graceMs));
  for (const one of lives()) {
    one.by = "KILL";
    if (isAlive(one.instance)) signal(one.instance.pid, "SIGKILL");
  }
  await waitUntil(() => lives().length === 0, 2_000);
  const left = lives();
  return {
    ended: tree
      .filter((one) => !left.includes(one))
      .map(({ instance, command, by }) => ({ pid: instance.pid, command, by })),
    left: left.map(({ instance, command }) => ({ pid: instance.pid, command })),
  };
}

function below(root: number, isKept: (args: readonly string[]) => boolean): Instance[] {
  const all = commandLines().flatMap(({ pid, args }) => {
    const info = processInfo(pid);
    return info ? [{ info, args }] : [];
  });
  const found: Instance[] = [];
  const walk = (parent: number) => {
    for (const { info, args } of all) {
      if (info.ppid !== parent || info.pid === process.pid || isKept(args)) continue;
      const instance = instanceOf(info.pid);
      if (instance?.started === info.started) found.push(instance);
      walk(info.pid);
    }
  };
  walk(root);
  return found;
}

const nameOf = (pid: number): string => processArgs(pid)[0]?.split("/").at(-1) ?? "?";

function signal(pid: number, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch {
    // Ended in this moment.
  }
}

async function waitUntil(isSo: () => boolean, ms: number): Promise<void> {
  const deadline = Date.now() + ms;
  while (!isSo() && Date.now() < deadline) await Bun.sleep(40);
}
