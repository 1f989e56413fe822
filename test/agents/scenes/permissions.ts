import { existsSync } from "node:fs";
import { join } from "node:path";
import { bash, obedient } from "../models.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

async function pending(world: World): Promise<string> {
  const approval = await world.until(
    "the request is relayed",
    async () => (await world.mesh.approvals({})).approvals[0],
    15_000,
  );
  return approval.handle;
}

export const permissionScenes: Scene[] = [
  {
    name: "a permission is approved from a terminal, on the default path (waiting hook)",
    async run(world, { check }) {
      const backend = await world.session("backend", { model: obedient });
      await backend.type("RUN touch made-one");
      const id = await pending(world);
      const list = await world.cliInTerminal("approvals");
      check(
        "it is listed with tool and command",
        list.includes(id) && list.includes("Bash") && list.includes("touch made-one"),
        list,
      );
      const dialog = await world.until("the dialog is on the screen", () =>
        /Do you want to proceed/.test(backend.screen()),
      );
      check("the dialog is on the screen meanwhile", dialog);
      const peer = (await world.mesh.peers({})).peers.find((candidate) => candidate.name === "backend");
      check("the session shows as waiting for its human", peer?.presence.state === "waiting", peer?.presence);
      const screen = await world.cliInTerminal("approve", id);
      check("approved", /allowed: backend, Bash: touch made-one/.test(screen), screen);
      check(
        "the tool ran",
        await world.until("the file is there", () => existsSync(join(world.root, "backend", "made-one"))),
      );
      await backend.idle();
      const late = await world.cliInTerminal("deny", id);
      check(
        "a late verdict is told what was decided",
        /already decided: allowed/.test(late) && /\[exit 65\]/.test(late),
        late,
      );
    },
  },
  {
    name: "a permission is denied with a reason the model reads; a verdict after the person's own changes nothing",
    async run(world, { check }) {
      const backend = await world.session("backend", { model: obedient });
      await backend.type("RUN touch made-two");
      const id = await pending(world);
      const screen = await world.cliInTerminal("deny", id, "use", "the", "fixtures");
      check("denied", /denied: backend/.test(screen), screen);
      await world.until("the model reads the reason", () =>
        backend.api.turns.some((turn) => turn.toolResults.some((result) => result.includes("use the fixtures"))),
      );
      check("the tool did not run", !existsSync(join(world.root, "backend", "made-two")));
      await backend.idle();
      await backend.type("RUN touch made-three");
      const second = await pending(world);
      await world.terminal.waitFor("backend", /Do you want to proceed/);
      await Bun.sleep(500);
      backend.press("Enter");
      await world.until("the person's own verdict counts", () => existsSync(join(world.root, "backend", "made-three")));
      await world.until(
        "the request is withdrawn",
        async () => (await world.mesh.approvals({})).approvals.length === 0,
      );
      const late = await world.cliInTerminal("deny", second);
      check("the late verdict reads already decided", /already decided: withdrawn/.test(late), late);
      await backend.idle();
      check(
        "and changed nothing",
        !backend.api.turns.some((turn) => turn.toolResults.some((result) => result.includes("Denied by"))),
      );
    },
  },
  {
    name: "a permission is approved on the channel path, without hooks",
    async run(world, { check }) {
      const backend = await world.session("backend", { channel: true, hooks: false, model: obedient });
      await backend.type("RUN touch made-four");
      const id = await pending(world);
      const screen = await world.cliInTerminal("approve", id);
      check("approved", /allowed: backend/.test(screen), screen);
      check(
        "the tool ran",
        await world.until("the file is there", () => existsSync(join(world.root, "backend", "made-four"))),
      );
    },
  },
  {
    name: "a verdict from inside an agent is refused",
    async run(world, { check }) {
      const backend = await world.session("backend", { model: obedient });
      await backend.type("RUN touch made-five");
      const id = await pending(world);
      const cli = world.cliCommand();
      const rogue = await world.session("rogue", {
        allow: ["Bash"],
        model: (turn) =>
          turn.toolResults.length > 0
            ? [{ say: "ok" }]
            : turn.text.includes("GO")
              ? [bash(`${cli} approve ${id}; script -qec "${cli} approve ${id}" /dev/null`)]
              : [{ say: "ok" }],
      });
      await rogue.type("GO");
      const text = await world.until(
        "the agent reads the refusal",
        () => rogue.api.turns.flatMap((turn) => turn.toolResults)[0],
        20_000,
      );
      check(
        "with the reason, with and without a terminal of its own",
        (text.match(/Only a person may do that/g) ?? []).length === 2,
        text,
      );
      check(
        "nothing was decided",
        (await world.mesh.approvals({})).approvals.some((approval) => approval.handle === id),
        await world.mesh.approvals({ all: true }),
      );
      check("the tool did not run", !existsSync(join(world.root, "backend", "made-five")));
    },
  },
];
