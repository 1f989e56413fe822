import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../../../test/support/needs.ts";
import { tempHome } from "../../../test/support/temp-home.ts";
import { launchdPlist, markOf, type ServiceFacts, systemdUnit } from "./text.ts";

const ODD = `/home/o'"dd \\ $HOME %h {a--b} <&>`;
const facts = (home: string): ServiceFacts => ({
  home,
  launcher: `${home}/bin/repowire`,
  logFile: `${home}/logs/daemon.log`,
  env: { PATH: `${home}/bin:/usr/bin`, REPOWIRE_HOME: home },
  folders: [`${home}/.config`],
});

describe("The file of a service", () => {
  test("for systemd has each path as one word, with nothing in it replaced", () => {
    const unit = systemdUnit(facts(ODD));
    expect(unit).toContain(
      `ExecStart=/bin/sh "/home/o'\\"dd \\\\ $$HOME %%h {a--b} <&>/bin/repowire" "daemon" "run" "--detached" "--yield"\n`,
    );
    expect(unit).toContain(`Environment="REPOWIRE_HOME=/home/o'\\"dd \\\\ $HOME %%h {a--b} <&>"\n`);
    expect(unit).toContain("Restart=on-failure\n");
    expect(unit).toContain("KillMode=process\n");
  });

  test("for launchd is XML with each path as one text", () => {
    const plist = launchdPlist(facts(ODD));
    expect(plist).toContain(`<string>/home/o'&quot;dd \\ $HOME %h {a--b} &lt;&amp;&gt;/bin/repowire</string>`);
    expect(plist.match(/<!--.*?-->/s)?.[0].slice(4, -3)).not.toContain("--");
  });

  test("says whose it is, and only what repowire wrote does", () => {
    for (const home of [ODD, "/home/me/.repowire"])
      for (const text of [systemdUnit(facts(home)), launchdPlist(facts(home))])
        expect(markOf(text)).toEqual({ home, folders: [`${home}/.config`] });
    expect(markOf("[Service]\nExecStart=/bin/true\n")).toBeUndefined();
    expect(markOf("# repowire-service {broken}")).toBeUndefined();
  });

  test("is refused for a path that would write lines of its own", () => {
    for (const write of [systemdUnit, launchdPlist])
      expect(() => write(facts("/home/a\nExecStartPre=/bin/evil"))).toThrow(/control character/);
  });
});

needs(
  "systemd-analyze",
  Bun.which("systemd-analyze") !== null,
  "apt-get install systemd",
)("systemd-analyze", () => {
  test.each(["plain", `o'"dd \\ $HOME %h {a--b}`])("finds nothing wrong with the unit of %s", (name) => {
    using temp = tempHome();
    mkdirSync(join(temp.path, name));
    const file = join(temp.path, "repowire.service");
    writeFileSync(file, systemdUnit(facts(join(temp.path, name))));
    const ran = Bun.spawnSync(["systemd-analyze", "--user", "verify", file], {
      env: { ...process.env, XDG_RUNTIME_DIR: temp.path },
    });
    expect([ran.exitCode, ran.stderr.toString()]).toEqual([0, ""]);
  });
});
