import { expect, setDefaultTimeout, test } from "bun:test";
import { daemonProcess } from "../support/daemon-process.ts";
import { fakeSession } from "../support/fake-session.ts";
import { person } from "../support/person.ts";

// Real processes, on machines that have other work too.
setDefaultTimeout(60_000);

// @req guard.told
// @req guard.restart
test("two agents that write too much are paused, also after a restart; status shows it and a person lifts it", async () => {
  await using daemon = await daemonProcess({ env: { REPOWIRE_PAIR_PER_MINUTE: "5" } });
  using user = person(daemon.sandbox);
  await using backend = await fakeSession(daemon.sandbox, "backend");
  await using frontend = await fakeSession(daemon.sandbox, "frontend");
  const say = (text: string) => frontend.call("notify", { peer: "backend", text, urgency: "fyi" });

  for (let n = 0; n < 5; n++) await say(`thanks ${n}`);
  await expect(say("thanks again")).rejects.toThrow(/^thread_paused: Messages between you and backend are paused/);
  await daemon.end();
  await daemon.start();
  await expect(backend.call("notify", { peer: "frontend", text: "no, I thank you" })).rejects.toThrow(/^thread_paused/);

  const [pause] = JSON.parse((await user.repowire("resume", "--json")).out).pauses;
  expect(pause).toMatchObject({ scope: "pair", peers: [{ name: "frontend" }, { name: "backend" }] });
  const line = new RegExp(`${pause.id}  frontend and backend, paused since .*repowire resume ${pause.id}`);
  expect((await user.repowire("resume")).out).toMatch(line);
  expect((await user.repowire("status")).out).toMatch(line);
  expect((await user.repowire("resume", "backend")).out).toBe(
    `resumed ${pause.id}: frontend and backend may write again.\n`,
  );
  await say("once more");
  expect((await user.repowire("resume")).out).toBe("Nothing is paused.\n");
});
