import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readProjectFile } from "../../src/platform/project-file.ts";
import { PeerName } from "../../src/protocol/index.ts";
import { daemonProcess } from "../support/daemon-process.ts";
import { fakeSession } from "../support/fake-session.ts";
import { person } from "../support/person.ts";

setDefaultTimeout(60_000);

test("a person appoints one, for as long as it runs; no agent does", async () => {
  // @req circles.orchestrator-by-people
  await using daemon = await daemonProcess();
  using user = person(daemon.sandbox);
  await using other = await fakeSession(daemon.sandbox, "other", { circle: "ops" });
  {
    await using lead = await fakeSession(daemon.sandbox, "lead");
    expect((await lead.repowire("peer", "role", "lead", "orchestrator")).err).toContain("Only a person may do that");
    await expect(lead.call("peers", { circle: "ops" })).rejects.toThrow(/^circle_mismatch/);
    expect((await user.repowire("peer", "role", "lead", "boss")).err).toContain("orchestrator");
    expect((await user.repowire("peer", "role", "lead", "orchestrator")).out).toMatch(
      /^lead is now orchestrator: .*was agent/,
    );
    expect((await lead.call("peers", { circle: "ops" })).peers.map(({ name }) => name)).toEqual(["other"]);
    await lead.call("notify", { peer: "other@ops", text: "a task" });
    expect((await other.got("a task")).from.role).toBe("orchestrator");
  }
  await using next = await fakeSession(daemon.sandbox, "lead");
  expect(next.name).toBe("lead");
  expect((await next.call("whoami", {})).peer.role).toBe("agent");
});

test("its working folder: instructions of each runtime and short skills; what a person has there stays", async () => {
  // @req orchestrator.init
  await using daemon = await daemonProcess();
  const folder = daemon.sandbox.file("night");
  mkdirSync(folder);
  writeFileSync(join(folder, "CLAUDE.md"), "mine\n");
  symlinkSync(daemon.sandbox.file("nowhere"), join(folder, "GEMINI.md"));
  const first = await daemon.cli("orchestrator", "init", folder);
  expect([first.err, first.code]).toEqual(["", 0]);
  expect(first.out).toContain("kept   CLAUDE.md");
  expect(readFileSync(join(folder, "CLAUDE.md"), "utf8")).toBe("mine\n");
  expect(existsSync(daemon.sandbox.file("nowhere"))).toBe(false);
  const agents = readFileSync(join(folder, "AGENTS.md"), "utf8");
  const skills = readdirSync(join(folder, ".claude", "skills"));
  expect(skills.length).toBe(5);
  for (const skill of skills) {
    const file = join(".claude", "skills", skill, "SKILL.md");
    expect(agents).toContain(file);
    const text = readFileSync(join(folder, file), "utf8");
    expect(text).toMatch(new RegExp(`^---\\nname: ${skill}\\ndescription: .+\\n---\\n`));
    expect(text.length).toBeLessThan(1_500);
    expect(PeerName.safeParse(skill).success).toBe(true);
  }
  // A second time nothing changes.
  const again = JSON.parse((await daemon.cli("orchestrator", "init", folder, "--json")).out);
  expect(again.written).toEqual([]);
  expect(readProjectFile(folder).name).toBe("orchestrator");
});
