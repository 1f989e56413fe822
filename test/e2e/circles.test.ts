import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findTmux } from "../../src/adapters/tmux/index.ts";
import { type LaunchWorld, launchWorld } from "../support/launch-world.ts";

setDefaultTimeout(60_000);

describe.skipIf(findTmux() === undefined)("circles at the command line", () => {
  let world: LaunchWorld;
  beforeAll(async () => {
    world = await launchWorld();
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
  });

  test("flag over environment over the repository's file over the spawner; listed, and moved by a person alone", async () => {
    // @req circles.from
    // @req circles.moved-by-people
    const start = async (name: string, env: string[], ...args: string[]) => {
      const path = world.folder(name);
      const command = ["peer", "new", path, "--runtime", "opencode", "--json", ...args];
      const ran = await world.user.run(["env", ...env, ...world.cli, ...command]);
      return JSON.parse(ran.out).peer;
    };
    writeFileSync(join(world.folder("shop"), ".repowire.yaml"), "circle: filed\n");
    expect(await start("shop", [])).toMatchObject({ circle: "filed" });
    await world.user.repowire("peer", "kill", "shop@filed");
    expect(await start("shop", ["REPOWIRE_CIRCLE=env"])).toMatchObject({ circle: "env" });
    await world.user.repowire("peer", "kill", "shop@env");
    expect(await start("shop", ["REPOWIRE_CIRCLE=env"], "--circle", "flag")).toMatchObject({ circle: "flag" });
    const inherited = await world.started({ path: world.folder("helper"), runtime: "opencode" });
    expect(inherited.peer.circle).toBe("dev");

    const listed = JSON.parse((await world.user.repowire("circle", "list", "--json")).out).circles;
    expect(listed).toContainEqual({ circle: "dev", online: ["lead", "helper"], offline: [] });
    expect(listed).toContainEqual({ circle: "filed", online: [], offline: ["shop"] });
    expect((await world.user.repowire("circle", "list")).out).toMatch(/^env +1 empty seat$/m);

    expect((await world.lead.repowire("circle", "move", "helper", "ops")).err).toContain("Only a person may do that");
    expect((await world.user.repowire("circle", "move", "helper", "ops")).out).toBe(
      "helper is now in circle ops (was dev).\n",
    );
    await expect(world.lead.call("notify", { peer: "helper", text: "still there?" })).rejects.toThrow(
      /^peer_not_found/,
    );
    for (const name of ["shop@flag", "helper@ops"]) await world.user.repowire("peer", "kill", name);
  });
});
