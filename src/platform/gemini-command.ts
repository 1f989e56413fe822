import { isTerminal, processArgs } from "./process.ts";

/** What the command line of a running Gemini CLI says of its session (0.61.0). Read by its hooks, its tools server and the daemon. */

const HEADLESS = ["-p", "--prompt", "--acp", "--experimental-acp"];

/** The words behind `gemini`: its options. Behind `--` and in the values of options, such words mean nothing. */
function hasOption(args: readonly string[], names: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some((arg) =>
    names.some((name) => arg === name || arg.startsWith(`${name}=`)),
  );
}

/** One prompt and out, or driven by another program: no session of a person. */
export const isHeadlessCommand = (args: readonly string[]): boolean => hasOption(args, HEADLESS);

/** Acts without asking anybody from its start on. */
export function isYoloCommand(args: readonly string[]): boolean {
  if (hasOption(args, ["--approval-mode=yolo", "--yolo", "-y"])) return true;
  const mode = args.indexOf("--approval-mode");
  return mode >= 0 && args[mode + 1] === "yolo";
}

/**
 * Whether the CLI of this process is a peer of the mesh: a session in a terminal. `REPOWIRE_PEER` decides otherwise; without a
 * terminal, or with `CI` set, the CLI itself runs headless.
 */
export function isGeminiPeer(env: Record<string, string | undefined>, pid: number): boolean {
  if (env.REPOWIRE_PEER === "1") return true;
  if (env.REPOWIRE_PEER === "0" || env.CI === "true") return false;
  return !isHeadlessCommand(processArgs(pid)) && isTerminal(pid, 0) !== false && isTerminal(pid, 1) !== false;
}

/** Its configuration folder; `GEMINI_CLI_HOME` takes the place of the user's home. */
export function geminiConfigDir(env: Record<string, string | undefined>, home: string): string {
  return `${env.GEMINI_CLI_HOME || env.HOME || home}/.gemini`;
}
