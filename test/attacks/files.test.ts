import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAddresses } from "../../src/adapters/claude-inbox/addresses.ts";
import { prepareHome } from "../../src/daemon/home.ts";
import { writeFileAtomic } from "../../src/platform/files.ts";
import { homePaths } from "../../src/platform/paths.ts";
import { entryCommand } from "../../src/platform/program.ts";
import { ensureToken } from "../../src/platform/token.ts";
import { type DaemonProcess, daemonProcess } from "../support/daemon-process.ts";
import { fakeSession } from "../support/fake-session.ts";
import { person } from "../support/person.ts";
import { setupSandbox } from "../support/setup-sandbox.ts";
import { tempHome } from "../support/temp-home.ts";

/** Files in places that others can reach, or have reached before us. */
setDefaultTimeout(120_000);

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
/** Only root can make another user's files; without that there is nothing to attack with. */
const asRoot = isRoot ? test : test.skip;

async function withUmask<T>(mask: number, run: () => Promise<T>): Promise<T> {
  const before = process.umask(mask);
  try {
    return await run();
  } finally {
    process.umask(before);
  }
}

/** Everything below a folder that others may read, write or enter. */
function openToOthers(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).filter((name) => {
    const info = lstatSync(join(folder, name), { throwIfNoEntry: false });
    return info !== undefined && !info.isSymbolicLink() && (info.mode & 0o077) !== 0;
  });
}

// @attack file-modes
describe("With a umask that lets everybody in", () => {
  test("the daemon's files are private, whatever wrote them: the daemon, a hook, the command line", async () => {
    await withUmask(0, async () => {
      await using daemon: DaemonProcess = await daemonProcess();
      await using session = await fakeSession(daemon.sandbox, "session");
      using user = person(daemon.sandbox);
      await user.repowire("peer", "notify", session.name, "x");
      await user.repowire("export", "--out", daemon.sandbox.file("run.jsonl"));
      await daemon.end();
      const hook = await daemon.sandbox.run([...entryCommand("hook"), "Stop"], {
        cwd: daemon.sandbox.root,
        stdin: JSON.stringify({ session_id: "s", cwd: daemon.sandbox.root }),
        env: { CLAUDE_PID: String(process.pid) },
      });
      expect(hook.code).toBe(0);
      expect(readdirSync(daemon.sandbox.paths.spool)).toHaveLength(1);
      expect(statSync(daemon.home).mode & 0o777).toBe(0o700);
      expect(openToOthers(daemon.home)).toEqual([]);
      // What was said in it is in the export.
      expect(statSync(daemon.sandbox.file("run.jsonl")).mode & 0o077).toBe(0);
    });
  });

  test("so is what setup makes, its record and the copies of what it changes", async () => {
    await withUmask(0, async () => {
      await using sandbox = await setupSandbox({ others: { codex: "0.169.0", gemini: "0.61.0", opencode: "1.18.33" } });
      // Codex is told the port: it has to be a fixed one.
      {
        using free = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
        sandbox.env.REPOWIRE_PORT = String(free.port);
      }
      const { code, err } = await sandbox.repowire("setup", "--yes");
      expect([code, err]).toEqual([0, ""]);
      expect(statSync(sandbox.paths.home).mode & 0o077).toBe(0);
      // Behind a folder that is closed, a program's own files need not be.
      expect(openToOthers(sandbox.paths.home).filter((name) => !/^(?:bin|versions)(?:\/|$)/.test(name))).toEqual([]);
      const config = readFileSync(sandbox.file(".codex/config.toml"), "utf8");
      expect(config).toContain("rws_");
      expect(statSync(sandbox.file(".codex/config.toml")).mode & 0o077).toBe(0);
    });
  });
});

// @attack file-owners
describe("A home", () => {
  const fresh = () => {
    const temp = tempHome();
    return { temp, paths: homePaths(join(realpathSync(temp.path), "home")) };
  };

  test("that was open to all is closed before anything is put into it", () => {
    const { temp, paths } = fresh();
    using _temp = temp;
    mkdirSync(paths.home);
    chmodSync(paths.home, 0o777);
    prepareHome(paths);
    for (const folder of [paths.home, paths.logs, paths.run, paths.spool])
      expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  asRoot("of another user is refused, also where we could write", () => {
    const { temp, paths } = fresh();
    using _temp = temp;
    mkdirSync(paths.home);
    chownSync(paths.home, NOBODY, NOBODY);
    expect(() => prepareHome(paths)).toThrow(/belongs to another user/);
  });

  asRoot("that is a link to another user's folder is refused", () => {
    const { temp, paths } = fresh();
    using _temp = temp;
    const theirs = join(temp.path, "theirs");
    mkdirSync(theirs);
    chownSync(theirs, NOBODY, NOBODY);
    symlinkSync(theirs, paths.home);
    expect(() => prepareHome(paths)).toThrow(/belongs to another user/);
  });

  asRoot.each(["token", "repowire.db", "lock.db", "config.yaml", "daemon.json", "logs/daemon.log", "run/x.sock"])(
    "in which another user has put a %s before is refused, and that file is not used",
    (name) => {
      const { temp, paths } = fresh();
      using _temp = temp;
      mkdirSync(join(paths.home, "logs"), { recursive: true });
      mkdirSync(join(paths.home, "run"));
      const file = join(paths.home, name);
      writeFileSync(file, "known to them", { mode: 0o666 });
      chownSync(file, NOBODY, NOBODY);
      expect(() => prepareHome(paths)).toThrow(`${file} belongs to another user`);
    },
  );

  test("whose token others could read has it closed", () => {
    const { temp, paths } = fresh();
    using _temp = temp;
    prepareHome(paths);
    const token = ensureToken(paths.home);
    chmodSync(paths.token, 0o644);
    expect(ensureToken(paths.home)).toBe(token);
    expect(statSync(paths.token).mode & 0o777).toBe(0o600);
  });
});

// @attack symlinks
describe("A link that somebody has put", () => {
  test("where a file is written is replaced or followed, and the file is never half", () => {
    using temp = tempHome();
    const [file, outside] = [temp.file("file"), temp.file("outside")];
    writeFileSync(outside, "theirs");
    symlinkSync(outside, file);
    writeFileAtomic(file, "ours");
    expect(readFileSync(outside, "utf8")).toBe("theirs");
    expect(lstatSync(file).isSymbolicLink()).toBe(false);
  });

  test.each<[string, (folder: string) => void]>([
    [
      "a link in the place of the folder for sockets",
      (folder) => {
        mkdirSync(`${folder}-theirs`);
        symlinkSync(`${folder}-theirs`, folder);
      },
    ],
    [
      "a folder that all may enter",
      (folder) => {
        mkdirSync(folder);
        chmodSync(folder, 0o777);
      },
    ],
    ["a file", (folder) => writeFileSync(folder, "")],
  ])("%s: no socket is put there", (_name, make) => {
    using temp = tempHome();
    // So long that a socket's path would not fit, and the folder that all users share must do.
    const deep = temp.file("x".repeat(120));
    const before = new Set(readdirSync(tmpdir()));
    createAddresses(deep, "secret");
    const short = readdirSync(tmpdir()).find((name) => !before.has(name) && name.startsWith("repowire-"));
    expect(short).toBeDefined();
    const folder = join(tmpdir(), short ?? "");
    Bun.spawnSync(["rm", "-r", folder]);
    make(folder);
    try {
      expect(() => createAddresses(deep, "secret")).toThrow();
    } finally {
      Bun.spawnSync(["rm", "-rf", folder, `${folder}-theirs`]);
    }
  });
});
