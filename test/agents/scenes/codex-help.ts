import { z } from "zod";
import { createControlClient } from "../../../src/adapters/codex/control.ts";
import { QueuePage } from "../../../src/adapters/codex/wire.ts";
import type { Model } from "../../support/model-script.ts";
import { codexWorld } from "../drivers/codex.ts";
import { answering, ask, bash } from "../models.ts";
import type { World } from "../world.ts";

/** Answers in plain words: the turn's last message is the answer. */
export const talking =
  (text: string): Model =>
  () => [{ say: text }];

export const asking: Model = (turn) => {
  const last = turn.toolResults.at(-1);
  if (last !== undefined) return [{ say: `noted: ${last.slice(0, 200)}` }];
  const [, peer, question] = turn.text.match(/ASK (\S+): (.+\?)/) ?? [];
  return peer && question ? [ask(peer, question)] : [{ say: "Hello." }];
};

/** Works for a while on a peer's question, then answers it. */
export const slow = (seconds: number): Model =>
  answering(
    () => "done",
    (turn) => (turn.text.includes("WORK") ? [bash(`sleep ${seconds}`)] : [{ say: "Hello." }]),
  );

export async function peerNamed(world: World, name: string) {
  return (await world.mesh.peers({ include_offline: true })).peers.find((peer) => peer.name === name);
}

/** What waits in Codex's own queue, over all threads that its server has loaded; read past the daemon. */
export async function codexQueue(world: World): Promise<string[]> {
  const { codexHome } = await codexWorld(world);
  const { promise, resolve } = Promise.withResolvers<void>();
  const control = createControlClient(codexHome, {
    onUp: resolve,
    onDown() {},
    onNotice() {},
    onRequest() {},
  });
  control.start();
  await promise;
  const loaded = await control.call("thread/loaded/list", {}, z.object({ data: z.array(z.string()) }));
  const ids: string[] = [];
  for (const threadId of loaded.data) {
    const page = await control.call("thread/queue/list", { threadId }, QueuePage).catch(() => ({ data: [] }));
    ids.push(...page.data.map((entry) => entry.clientUserMessageId));
  }
  control.stop();
  return ids;
}

export const pendingApproval = (world: World) =>
  world.until("the request is relayed", async () => (await world.mesh.approvals({})).approvals[0], 15_000);
