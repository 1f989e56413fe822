import { fit } from "./fit-table.ts";

/**
 * A screen of our own in the terminal: the alternate one, so that what stood there comes back, whatever ends us. Lines are written over
 * those before, without clearing first, so nothing flickers.
 */
export interface LiveScreen {
  readonly columns: number;
  readonly rows: number;
  draw(lines: readonly string[]): void;
  close(): void;
}

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

// biome-ignore lint/suspicious/noControlCharactersInRegex: keys that are no letters begin with one
const KEYS = /\u001b[[O][A-Z]|./gsu;

export function openScreen(on: { key(key: string): void; resize(): void }): LiveScreen {
  const { stdout, stdin } = process;
  let isOpen = true;
  // Keys that were pressed fast come together.
  const key = (chunk: Buffer) => {
    for (const [one] of chunk.toString().matchAll(KEYS)) on.key(one);
  };
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    stdin.off("data", key);
    stdout.off("resize", on.resize);
    process.off("exit", close);
    stdin.setRawMode(false);
    stdin.pause();
    stdout.write(LEAVE);
  };
  stdout.write(ENTER);
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on("data", key);
  stdout.on("resize", on.resize);
  process.on("exit", close);
  return {
    get columns() {
      return stdout.columns || 80;
    },
    get rows() {
      return stdout.rows || 24;
    },
    draw(lines) {
      if (!isOpen) return;
      const shown = lines.slice(0, this.rows).map((line) => `${fit(line, this.columns)}${CLEAR_LINE}`);
      stdout.write(`${HOME}${shown.join("\r\n")}${CLEAR_BELOW}`);
    },
    close,
  };
}
