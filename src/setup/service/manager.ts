import { homedir } from "node:os";
import { join } from "node:path";
import { runBriefly } from "../../platform/run.ts";
import { RepowireError } from "../../protocol/index.ts";
import { LAUNCHD_LABEL, launchdPlist, type ServiceFacts, systemdUnit } from "./text.ts";

/** What keeps a user's services on this system. Each act rejects with what its program said. */
export interface ServiceManager {
  name: "systemd" | "launchd";
  text(facts: ServiceFacts): string;
  /** Makes the written file known, and started with the user's session. */
  enable(file: string): Promise<void>;
  /** Starts it, anew if it runs. */
  restart(file: string): Promise<void>;
  stop(): Promise<void>;
  /** Before the file is removed. */
  disable(): Promise<void>;
  /** After the file was removed. */
  forget(): Promise<void>;
  /** The pid of the service's process while it runs. */
  pid(): Promise<number | undefined>;
}

type Env = Readonly<Record<string, string | undefined>>;

const RUN_MS = 20_000;
const UNIT = "repowire.service";

/** Where the file stands, whether or not a manager is there to read it. */
export function serviceFile(env: Env, platform: string = process.platform): string {
  const home = env.HOME || homedir();
  return platform === "darwin"
    ? join(home, "Library", "LaunchAgents", `${LAUNCHD_LABEL}.plist`)
    : join(env.XDG_CONFIG_HOME || join(home, ".config"), "systemd", "user", UNIT);
}

/** Undefined where there is neither. */
export async function findManager(env: Env, platform: string = process.platform): Promise<ServiceManager | undefined> {
  if (platform === "darwin") return Bun.which("launchctl", { PATH: env.PATH }) ? launchd(env) : undefined;
  if (!Bun.which("systemctl", { PATH: env.PATH })) return undefined;
  const answer = await tried(env, ["systemctl", "--user", "show-environment"]);
  return answer.code === 0 ? systemd(env) : undefined;
}

export const noManager = (): RepowireError =>
  new RepowireError(
    "unavailable",
    "Neither a systemd user manager nor launchd answers here, so there can be no service; the daemon starts on demand all the same: `repowire daemon start`.",
  );

function systemd(env: Env): ServiceManager {
  const run = (...words: string[]) => must(env, ["systemctl", "--user", ...words]);
  return {
    name: "systemd",
    text: systemdUnit,
    async enable() {
      await run("daemon-reload");
      await run("enable", UNIT);
    },
    restart: async () => {
      // Five starts that failed would otherwise stand in the way of this one.
      await tried(env, ["systemctl", "--user", "reset-failed", UNIT]);
      await run("restart", UNIT);
    },
    stop: async () => void (await run("stop", UNIT)),
    disable: async () => void (await run("disable", "--now", UNIT)),
    forget: async () => void (await run("daemon-reload")),
    pid: async () => positive((await run("show", "--property=MainPID", "--value", UNIT)).trim()),
  };
}

function launchd(env: Env): ServiceManager {
  const domain = `gui/${process.getuid?.()}`;
  const target = `${domain}/${LAUNCHD_LABEL}`;
  const isLoaded = async () => (await tried(env, ["launchctl", "print", target])).code === 0;
  return {
    name: "launchd",
    text: launchdPlist,
    async enable(file) {
      if (await isLoaded()) await must(env, ["launchctl", "bootout", target]);
      await must(env, ["launchctl", "bootstrap", domain, file]);
    },
    async restart(file) {
      if (!(await isLoaded())) await must(env, ["launchctl", "bootstrap", domain, file]);
      await must(env, ["launchctl", "kickstart", "-k", target]);
    },
    stop: async () => void (await must(env, ["launchctl", "kill", "SIGTERM", target])),
    disable: async () => {
      if (await isLoaded()) await must(env, ["launchctl", "bootout", target]);
    },
    forget: async () => {},
    pid: async () => positive(/^\s*pid = (\d+)$/m.exec((await tried(env, ["launchctl", "print", target])).out)?.[1]),
  };
}

function positive(text: string | undefined): number | undefined {
  const number = Number(text);
  return number > 0 ? number : undefined;
}

async function tried(env: Env, command: string[]) {
  const ran = await runBriefly(command, { cwd: "/", env, timeoutMs: RUN_MS });
  return ran ?? { code: -1, out: "", err: `no answer within ${RUN_MS / 1000} s` };
}

async function must(env: Env, command: string[]): Promise<string> {
  const { code, out, err } = await tried(env, command);
  if (code === 0) return out;
  const said = err.trim().split("\n").at(-1) || `exit code ${code}`;
  throw new RepowireError("unavailable", `\`${command.join(" ")}\` failed: ${said}. Try it yourself to see more.`);
}
