import { join } from "node:path";

/** A private tmux server: its own socket, no configuration of the user, ended as a whole. */
export interface Terminal {
  /** Starts a command in a window of its own, with exactly this environment. */
  open(name: string, options: { cwd: string; env: Record<string, string>; command: string[] }): void;
  screen(name: string): string;
  /** The screen with what has scrolled away. */
  history(name: string): string;
  type(name: string, text: string): Promise<void>;
  /** Types without Enter. */
  write(name: string, text: string): void;
  press(name: string, ...keys: string[]): void;
  /** Resolves with the first screen that fits. */
  waitFor(name: string, pattern: RegExp, timeoutMs?: number): Promise<string>;
  /** As if somebody pulled at the window's corner. */
  resize(name: string, columns: number, rows: number): void;
  /** The window title that the program has set. */
  title(name: string): string;
  /** Pid of the command. */
  pid(name: string): number;
  kill(name: string): void;
  close(): void;
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export function privateTerminal(folder: string): Terminal {
  const socket = join(folder, "tmux.sock");
  const tmux = (...args: string[]) =>
    Bun.spawnSync(["tmux", "-f", "/dev/null", "-S", socket, ...args], {
      stdout: "pipe",
      stderr: "pipe",
      env: { PATH: process.env.PATH ?? "", TERM: "xterm-256color", HOME: folder, LANG: "C.UTF-8" },
    });
  // A bare name would also match the beginning of another one.
  const target = (name: string) => `=${name}:`;
  const capture = (name: string, ...args: string[]) =>
    tmux("capture-pane", "-p", "-t", target(name), ...args)
      .stdout.toString()
      .trimEnd();

  return {
    open(name, { cwd, env, command }) {
      const assignments = Object.entries({ TERM: "xterm-256color", LANG: "C.UTF-8", ...env }).map(([key, value]) =>
        quote(`${key}=${value}`),
      );
      const line = `cd ${quote(cwd)} && exec env -i TMUX="$TMUX" TMUX_PANE="$TMUX_PANE" ${assignments.join(" ")} ${command.map(quote).join(" ")}`;
      const result = tmux("new-session", "-d", "-s", name, "-x", "150", "-y", "50", "sh", "-c", line);
      if (result.exitCode !== 0) throw new Error(`tmux: ${result.stderr.toString()}`);
      tmux("set-option", "-t", target(name), "remain-on-exit", "on");
    },
    screen: (name) => capture(name),
    history: (name) => capture(name, "-S", "-2000"),
    async type(name, text) {
      tmux("send-keys", "-t", target(name), "-l", text);
      await Bun.sleep(250);
      tmux("send-keys", "-t", target(name), "Enter");
    },
    write: (name, text) => void tmux("send-keys", "-t", target(name), "-l", text),
    press: (name, ...keys) => void tmux("send-keys", "-t", target(name), ...keys),
    async waitFor(name, pattern, timeoutMs = 30_000) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const screen = capture(name);
        if (pattern.test(screen)) return screen;
        if (Date.now() > deadline) throw new Error(`the screen of ${name} never showed ${pattern}:\n${screen}`);
        await Bun.sleep(100);
      }
    },
    resize: (name, columns, rows) =>
      void tmux("resize-window", "-t", target(name), "-x", String(columns), "-y", String(rows)),
    title: (name) => tmux("display-message", "-p", "-t", target(name), "#{pane_title}").stdout.toString().trim(),
    pid: (name) => Number(tmux("list-panes", "-t", target(name), "-F", "#{pane_pid}").stdout.toString().trim()),
    kill: (name) => void tmux("kill-session", "-t", `=${name}`),
    close: () => void tmux("kill-server"),
  };
}
