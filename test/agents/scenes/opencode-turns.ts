import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { locateDaemon } from "../../../src/client/index.ts";
import {
  HOST,
  HTTP_PATHS,
  LOGIN_FRAGMENT,
  type LoginReply,
  type OperationOutput,
  PAGE_HEADER,
} from "../../../src/protocol/index.ts";
import { startOpenCode } from "../drivers/opencode.ts";
import { askId } from "../models.ts";
import type { World } from "../world.ts";
import type { Scene } from "./index.ts";

type Turns = OperationOutput<"turns">;

/** A person's browser, logged in by a link from their own terminal: nobody else may read what is said in a session. */
async function personReads(world: World): Promise<(peer: string) => Promise<Turns>> {
  // The screen breaks lines where it ends.
  const screen = (await world.cliInTerminal("dashboard", "--json")).replace(/\s/g, "");
  const code = screen.match(new RegExp(`#${LOGIN_FRAGMENT}([\\w-]+)`))?.[1];
  const base = `http://${HOST}:${locateDaemon(world.home)?.port}`;
  const login = await fetch(base + HTTP_PATHS.login, { method: "POST", body: JSON.stringify({ code }) });
  if (!login.ok) throw new Error(`no login: ${await login.text()} from ${screen}`);
  const cookie = login.headers.get("set-cookie")?.split("; ")[0] ?? "";
  const headers = { cookie, [PAGE_HEADER]: ((await login.json()) as LoginReply).page };
  return async (peer) => {
    const answer = await fetch(base + HTTP_PATHS.operation("turns"), {
      method: "POST",
      headers,
      body: JSON.stringify({ peer }),
    });
    if (!answer.ok) throw new Error(`turns refused: ${await answer.text()}`);
    return (await answer.json()) as Turns;
  };
}

const brief = ({ turns }: Turns) => turns.map(({ by, text }) => `${by}: ${text}`);
const isSame = (read: Turns, said: string[]) => JSON.stringify(brief(read)) === JSON.stringify(said);

/** Everything that repowire keeps on the disk. */
const kept = (world: World) =>
  readdirSync(world.home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n");

const CHOICES = [
  { label: "main", description: "the trunk" },
  { label: "next", description: "what comes" },
];

export const openCodeTurnScenes: Scene[] = [
  {
    name: "OpenCode: what its user and its model said is read by its plugin for a person, and kept nowhere",
    async run(world, { check }) {
      const options = {
        model: (turn: Parameters<typeof askId>[0]) => {
          if (askId(turn)) return [{ say: "Seven." }];
          if (turn.text.includes("CHOOSE"))
            return [
              {
                call: "question",
                input: { questions: [{ header: "Branch", question: "Which branch?", options: CHOICES }] },
              },
            ];
          return [{ say: "My token=abcdef123456789 is none of yours." }];
        },
      };
      const backend = await startOpenCode(world, "backend", options);
      const read = await personReads(world);
      const fresh = await read("backend");
      check("nothing was said yet", fresh.turns.length === 0 && fresh.why === undefined, fresh);

      await backend.type("count the purple sheep");
      await backend.idle();
      const first = await read("backend");
      check("its user's words, and its own", first.turns.length === 2 && !first.is_cut, first);
      check("the user's as they were typed", brief(first)[0] === "user: count the purple sheep", brief(first));
      check(
        "what looks like a secret is masked",
        /^session: My token=/.test(brief(first)[1] ?? "") && !brief(first)[1]?.includes("abcdef123456789"),
        brief(first),
      );
      const refused = await world.mesh.turns({ peer: "backend" }).catch((error) => String(error));
      check("a script is refused", typeof refused === "string" && /person/.test(refused), refused);

      await world.mesh.ask({ peer: "backend", question: "How many herds?", wait_seconds: 60 });
      const asked = await read("backend");
      check(
        "the mesh's own question is no word of its user",
        isSame(asked, [...brief(first), "session: Seven."]),
        brief(asked),
      );

      const stored = kept(world);
      check(
        "of all that was said repowire kept the mesh's own alone",
        stored.includes("How many herds?") && !stored.includes("purple sheep") && !stored.includes("none of yours"),
      );

      await backend.type("CHOOSE one");
      await world.until("the question is on its screen", () => backend.screen().includes("Which branch?"), 60_000);
      const open = (await read("backend")).turns.at(-1);
      check(
        "its open question has its options",
        open?.is_open === true &&
          open.text === "Which branch?" &&
          JSON.stringify(open.options) === JSON.stringify(CHOICES),
        open,
      );
      backend.press("Escape");
      await world.until(
        "it was dismissed",
        async () => (await read("backend")).turns.at(-1)?.is_open === false,
        30_000,
      );

      await backend.type("/undo");
      await world.terminal.waitFor("backend", /message reverted/);
      const undone = await read("backend");
      check("what was undone is not shown", isSame(undone, brief(asked)), brief(undone));

      // Its user has the undone words back in the field: the first press takes them away.
      backend.press("C-c");
      await world.until("the field is empty", () => backend.draft() === "");
      backend.press("C-c");
      await world.until("OpenCode is gone", async () => (await read("backend")).why !== undefined, 60_000);
      check("which is said", /is not running/.test((await read("backend")).why ?? ""), await read("backend"));
      world.terminal.kill("backend");
      await startOpenCode(world, "backend", { ...options, args: ["--continue"] });
      const resumed = await world.until(
        "it is read again",
        async () => {
          const again = await read("backend");
          return again.turns.length > 0 && again;
        },
        30_000,
      );
      check("resumed, it is the conversation of before", brief(resumed)[0] === brief(first)[0], brief(resumed));
    },
  },
];
