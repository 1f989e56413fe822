import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OperationInput } from "../../src/protocol/index.ts";
import { type DaemonProcess, daemonProcess } from "./daemon-process.ts";
import { type FakeSession, fakeSession } from "./fake-session.ts";
import { type Person, person } from "./person.ts";
import { fromSource } from "./setup-sandbox.ts";
import { type TempHome, tempHome } from "./temp-home.ts";

/** A real daemon that starts sessions in a tmux of its own: the agent CLIs are `fixtures/fake-agent.ts`, which joins as they would. */
export interface LaunchWorld extends AsyncDisposable {
  daemon: DaemonProcess;
  /** At a terminal of their own; called ada. */
  user: Person;
  /** The command line. */
  cli: readonly string[];
  /** An agent of circle dev. */
  lead: FakeSession;
  /** Real path. Its folder `work` is on the list of those that agents may start sessions in; there is a profile for each mode. */
  root: string;
  work: string;
  /** A folder in `work`, made if need be. */
  folder(name: string): string;
  /** What sessions of that mode noted, in order. */
  log(mode: string): Record<string, unknown>[];
  /** The processes that were started in this folder. */
  pidsIn(folder: string): Record<string, unknown>[];
  peers(): ReturnType<typeof peersOf>;
  /** Has one started by lead, or throws. */
  started(input: OperationInput<"spawn">): Promise<Started>;
}

type Started = Extract<Awaited<ReturnType<DaemonProcess["mesh"]["spawn"]>>, { state: "started" }>;

const peersOf = async (daemon: DaemonProcess) => (await daemon.mesh.peers({ include_offline: true })).peers;

/** A folder for the PATH with these agent CLIs in it, each `fixtures/fake-agent.ts`. */
export function fakeAgents(...names: string[]): TempHome {
  const bin = tempHome();
  const fake = join(import.meta.dir, "..", "fixtures", "fake-agent.ts");
  for (const name of names) {
    writeFileSync(bin.file(name), `#!/bin/sh\nexec '${process.execPath}' --no-env-file '${fake}' "$@"\n`);
    chmodSync(bin.file(name), 0o755);
  }
  return bin;
}

export async function launchWorld(): Promise<LaunchWorld> {
  const bin = fakeAgents("opencode", "gemini");
  const daemon = await daemonProcess({ env: { REPOWIRE_HUMAN: "ada", PATH: `${bin.path}:${process.env.PATH}` } });
  const root = realpathSync(daemon.sandbox.root);
  const work = join(root, "work");
  mkdirSync(work);
  const profile = (mode: string) =>
    `{ runtime: opencode, args: ["--mode", "${mode}", "--log", "${root}/${mode}.log"] }`;
  writeFileSync(
    daemon.sandbox.paths.config,
    `spawn:\n  folders: ["${work}"]\n  runtimes: [opencode]\n  tmux_socket: ${join(daemon.sandbox.root, "tmux.sock")}\n  profiles:\n${["works", "fails", "stubborn"].map((mode) => `    ${mode}: ${profile(mode)}\n`).join("")}    trust: { runtime: gemini, args: ["--mode", "trust", "--log", "${root}/trust.log"] }\n`,
  );
  await daemon.end("SIGTERM");
  await daemon.start();
  const user = person(daemon.sandbox);
  const lead = await fakeSession(daemon.sandbox, "lead", { circle: "dev" });
  const log = (mode: string): Record<string, unknown>[] => {
    const file = join(root, `${mode}.log`);
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  };
  return {
    daemon,
    user,
    cli: fromSource(),
    lead,
    root,
    work,
    folder(name) {
      mkdirSync(join(work, name), { recursive: true });
      return join(work, name);
    },
    log,
    pidsIn: (folder) => log("works").filter((entry) => entry.cwd === folder && entry.pid !== undefined),
    peers: () => peersOf(daemon),
    async started(input) {
      const output = await lead.call("spawn", input);
      if (output.state !== "started") throw new Error(JSON.stringify(output));
      return output;
    },
    async [Symbol.asyncDispose]() {
      await lead[Symbol.asyncDispose]();
      user[Symbol.dispose]();
      await daemon[Symbol.asyncDispose]();
      bin[Symbol.dispose]();
    },
  };
}
