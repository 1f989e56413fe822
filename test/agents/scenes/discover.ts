import { join } from "node:path";
import type { Scene } from "./index.ts";

export const discoverScenes: Scene[] = [
  {
    // @req discover.without-setup
    name: "before any setup: a session that already runs is found, listed, asked, and answers",
    async run(world, { check, note }) {
      const backend = await world.session("backend", {
        bare: true,
        model: (turn) => {
          const to =
            turn.toolResults.length === 0 ? turn.text.match(/<cross-session-message from="([^"]+)"/)?.[1] : undefined;
          return to
            ? [
                {
                  call: "SendMessage",
                  input: { to, message: "The port is 4000 (src/server.ts:9).", summary: "answer" },
                },
              ]
            : [{ say: "done" }];
        },
      });
      check("nothing of ours is in its peers yet", (await world.mesh.peers({})).peers.length === 0);
      const env = {
        PATH: process.env.PATH ?? "",
        HOME: join(world.root, "u"),
        CLAUDE_CONFIG_DIR: join(world.root, "u", "backend", ".claude"),
        REPOWIRE_HOME: world.home,
      };
      const first = world.run([], env);
      check(
        "`repowire` alone lists it with what it can do, and what setup would add",
        first.exitCode === 0 &&
          /1 session that already ran has joined/.test(first.stdout) &&
          /backend +claude-code +online +inbox_socket, unproven/.test(first.stdout) &&
          /answers with its own SendMessage/.test(first.stdout) &&
          /repowire setup/.test(first.stdout),
        first,
      );
      const again = world.run([], env);
      check("again finds the same one", /1 peer in the mesh/.test(again.stdout), again);
      const answer = await world.cliInTerminal("peer", "ask", "backend", "Which port does it listen on?");
      check("asked, it answers", answer.includes("The port is 4000 (src/server.ts:9)."), answer);
      const trace = await world.until("the transcript proves it", async () => {
        const found = await world.trace("last");
        return found.steps.some((step) => step.state === "seen" && step.detail?.includes("transcript")) && found;
      });
      note(
        trace.steps.map((step) => `${step.state} ${step.at} ms${step.detail ? ` (${step.detail})` : ""}`).join(" · "),
      );
      check("the ask is answered by that very message", trace.ask?.by === "reply", trace.ask);
      const { peers } = await world.mesh.peers({});
      check("its rung is proven now", peers[0]?.delivery?.proven_by === "transcript", peers);
      check("its identity is asserted, not proven", peers[0]?.identity === "asserted", peers);
      await backend.type("and now something else");
      await world.until("presence follows without hooks", () => backend.api.turns.length >= 3);
    },
  },
];
