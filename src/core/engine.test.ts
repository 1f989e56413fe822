import { describe, expect, test } from "bun:test";
import { NO_BUDGETS } from "../../test/support/budgets.ts";
import { countedIds } from "../../test/support/counted-ids.ts";
import { createMesh } from "../../test/support/mesh-harness.ts";
import { deliveryRecord } from "../../test/support/records.ts";
import { virtualClock } from "../../test/support/virtual-clock.ts";
import { LIMITS, RepowireError } from "../protocol/index.ts";
import { memoryStore } from "../store/memory.ts";
import { type Context, emit, stir } from "./context.ts";
import { createEngine } from "./engine.ts";
import { createLive } from "./live.ts";
import { type Effect, type MessageStore, StorageError, type Tx } from "./ports.ts";

/** An engine whose batches run when the test says so, over a store that counts and may fail. */
function setUp() {
  const log: string[] = [];
  const effects: Effect[] = [];
  const faults: unknown[] = [];
  const memory = memoryStore();
  let scheduled: (() => void)[] = [];
  /** Told before each commit; what it throws, the commit throws. */
  let atCommit: (tx: Tx) => void = () => {};
  const store: MessageStore = {
    ...memory,
    transaction: (body) =>
      memory.transaction((tx) => {
        log.push("begin");
        const value = body(tx);
        atCommit(tx);
        log.push("commit");
        return value;
      }),
  };
  const engine = createEngine({
    store,
    clock: virtualClock(),
    ids: countedIds(),
    live: createLive(),
    config: { machine: "laptop", inboundWithoutPrompts: "hold", budgets: NO_BUDGETS },
    schedule: (run) => scheduled.push(run),
    perform(batch) {
      log.push(`perform ${batch.length}`);
      effects.push(...batch);
    },
    onFault: (error) => faults.push(error),
  });
  return {
    engine,
    log,
    effects,
    faults,
    scheduledTurns: () => scheduled.length,
    /** The end of this turn of the event loop. */
    endTurn() {
      const due = scheduled;
      scheduled = [];
      for (const run of due) run();
    },
    failCommit(fail: (tx: Tx) => void) {
      atCommit = fail;
    },
  };
}

/** A decision that writes one fact and names one effect. */
const write =
  (key: string, value = "done") =>
  (ctx: Context) => {
    ctx.tx.meta.set(key, value);
    emit(ctx, { type: "daemon.started", data: { key } });
    return value;
  };
const refuse = (key: string, undone: string[]) => (ctx: Context) => {
  write(key)(ctx);
  ctx.tx.onRollback(() => undone.push(key));
  throw new RepowireError("forbidden", "no");
};

describe("a batch", () => {
  test("is everything of one turn of the event loop, in one transaction, in the order in which it came", async () => {
    const { engine, log, endTurn, scheduledTurns } = setUp();
    const order: string[] = [];
    const runs = ["one", "two", "three"].map((key) =>
      engine.run((ctx) => {
        order.push(key);
        return write(key)(ctx);
      }),
    );
    expect([scheduledTurns(), engine.backlog, log]).toEqual([1, 3, []]);
    endTurn();
    await Promise.all(runs);
    expect(log).toEqual(["begin", "commit", "perform 3"]);
    expect(order).toEqual(["one", "two", "three"]);
    expect(engine.backlog).toBe(0);
  });

  test("is followed by another for what comes later", async () => {
    const { engine, log, endTurn } = setUp();
    const one = engine.run(write("one"));
    endTurn();
    const two = engine.run(write("two"));
    endTurn();
    await Promise.all([one, two]);
    expect(log.filter((line) => line === "commit")).toHaveLength(2);
  });

  test("is capped, so that a burst is many short commits", async () => {
    const { engine, log, endTurn } = setUp();
    const runs = Array.from({ length: LIMITS.batchMax + 1 }, (_, n) => engine.run(write(`${n}`)));
    endTurn();
    await Promise.all(runs);
    expect(log).toEqual(["begin", "commit", `perform ${LIMITS.batchMax}`, "begin", "commit", "perform 1"]);
  });

  test("sees within itself what its earlier decisions wrote", async () => {
    const { engine, endTurn } = setUp();
    void engine.run(write("key", "first"));
    const second = engine.run((ctx) => ctx.tx.meta.get("key"));
    endTurn();
    expect(await second).toBe("first");
  });

  test("can be committed at once", async () => {
    const { engine, log, endTurn } = setUp();
    const run = engine.run(write("one"));
    engine.flush();
    expect(log).toEqual(["begin", "commit", "perform 1"]);
    endTurn();
    expect(log).toHaveLength(3);
    expect(await run).toBe("done");
  });
});

describe("nothing is said before it is stored", () => {
  // @req delivery.stored-before-accepted
  test("effects are carried out after the commit, and replies come after that", async () => {
    const { engine, log, endTurn } = setUp();
    const reply = engine.run(write("one")).then(() => log.push("reply"));
    endTurn();
    await reply;
    expect(log).toEqual(["begin", "commit", "perform 1", "reply"]);
  });

  test("a commit that fails carries out nothing, undoes everything and refuses everybody", async () => {
    const { engine, effects, faults, endTurn, failCommit } = setUp();
    failCommit(() => {
      throw new Error("a fault of the store");
    });
    const runs = [engine.run(write("one")), engine.run(write("two"))].map((run) => run.catch((error) => error));
    endTurn();
    expect(await Promise.all(runs)).toEqual([new Error("a fault of the store"), new Error("a fault of the store")]);
    expect(effects).toEqual([]);
    expect(faults).toEqual([new Error("a fault of the store")]);
    expect(engine.read(({ tx }) => [tx.meta.get("one"), tx.events.last()])).toEqual([undefined, 0]);
  });
});

describe("a decision that is refused", () => {
  test("undoes itself alone: the others of its batch are stored and done", async () => {
    const { engine, effects, faults, log, endTurn } = setUp();
    const undone: string[] = [];
    const runs = [engine.run(write("one")), engine.run(refuse("two", undone)), engine.run(write("three"))];
    const settled = Promise.allSettled(runs);
    endTurn();
    expect(await settled).toMatchObject([
      { value: "done" },
      { status: "rejected", reason: { code: "forbidden" } },
      { value: "done" },
    ]);
    expect(engine.read(({ tx }) => ["one", "two", "three"].map((key) => tx.meta.get(key)))).toEqual([
      "done",
      undefined,
      "done",
    ]);
    expect(effects.map((effect) => effect.type === "event" && [effect.event.seq, effect.event.data.key])).toEqual([
      [1, "one"],
      [2, "three"],
    ]);
    expect(undone).toEqual(["two"]);
    expect(log.filter((line) => line === "commit")).toHaveLength(1);
    expect(faults).toEqual([]);
  });

  test("by a fault in the routing that it caused is undone as a whole", async () => {
    const mesh = createMesh();
    const backend = await mesh.join("backend");
    await mesh.openPush(backend);
    const broken = mesh.decide((ctx) => {
      ctx.tx.meta.set("one", "done");
      // A delivery without its message cannot be made into an envelope.
      ctx.tx.deliveries.put(deliveryRecord(1, { peer: backend }));
      stir(ctx, backend);
    });
    await expect(broken).rejects.toThrow("no message");
    // Whoever asked reads that the log has the details, so it must.
    expect(mesh.faults).toEqual([expect.objectContaining({ message: expect.stringContaining("no message") })]);
    expect(mesh.read(({ tx }) => tx.meta.get("one"))).toBeUndefined();
    expect(mesh.read(({ tx }) => tx.deliveries.allInStates(["queued", "leased"]))).toEqual([]);
    expect(mesh.delivered(backend)).toEqual([]);
  });
});

describe("a disk that refuses", () => {
  const tooBig = (tx: Tx) => {
    if (tx.meta.get("big")) throw new StorageError("full", "database or disk is full");
  };

  // @req delivery.full-disk-said
  test("is tried again one by one: only what does not fit is refused, and may be retried", async () => {
    const { engine, effects, faults, endTurn, failCommit } = setUp();
    failCommit(tooBig);
    const runs = [engine.run(write("one")), engine.run(write("big")), engine.run(write("three"))];
    const settled = Promise.allSettled(runs);
    endTurn();
    expect(await settled).toMatchObject([
      { value: "done" },
      { status: "rejected", reason: { code: "storage_full", retryable: true } },
      { value: "done" },
    ]);
    expect(effects).toHaveLength(2);
    expect(faults).toHaveLength(1);
    expect(engine.read(({ tx }) => tx.events.after(0, 10).map((event) => [event.seq, event.data.key]))).toEqual([
      [1, "one"],
      [2, "three"],
    ]);
  });

  test("for another reason than space says that reason", async () => {
    const { engine, endTurn, failCommit } = setUp();
    failCommit(() => {
      throw new StorageError("failed", "disk I/O error");
    });
    const run = engine.run(write("one")).catch((error) => error);
    endTurn();
    expect(await run).toMatchObject({ code: "storage_failed", message: expect.stringContaining("disk I/O error") });
  });

  test("inside a decision takes the whole batch back before it is tried again", async () => {
    const { engine, endTurn } = setUp();
    const runs = [
      engine.run(write("one")),
      engine.run(() => {
        throw new StorageError("full", "database or disk is full");
      }),
    ];
    const settled = Promise.allSettled(runs);
    endTurn();
    expect(await settled).toMatchObject([{ value: "done" }, { reason: { code: "storage_full" } }]);
    expect(engine.read(({ tx }) => tx.events.last())).toBe(1);
  });
});

// @req limits.all-hold
test("too much at once is said, not queued without end", async () => {
  const { engine, endTurn } = setUp();
  const runs = Array.from({ length: LIMITS.queueMax }, () => engine.run(() => undefined));
  await expect(engine.run(() => undefined)).rejects.toMatchObject({ code: "overloaded", retryable: true });
  endTurn();
  await Promise.all(runs);
  const after = engine.run(() => "room again");
  endTurn();
  expect(await after).toBe("room again");
});

test("a look sees the last commit and not what waits for its transaction", async () => {
  const { engine, endTurn } = setUp();
  const run = engine.run(write("one"));
  expect(engine.read(({ tx }) => tx.meta.get("one"))).toBeUndefined();
  endTurn();
  await run;
  expect(engine.read(({ tx }) => tx.meta.get("one"))).toBe("done");
});

test("mail that the routing of a decision causes is routed in that same decision", async () => {
  const mesh = createMesh();
  const [frontend, backend] = [await mesh.join("frontend"), await mesh.join("backend")];
  await mesh.openPush(frontend);
  const gate = (inbound_policy: "hold" | "refuse") =>
    mesh.decide((ctx) => {
      ctx.tx.peers.put({ ...mesh.peer(backend), inbound_policy });
      stir(ctx, backend);
    });
  await gate("hold");
  await mesh.call(frontend, "ask", { peer: "backend", question: "which version?", wait_seconds: 0 });
  // Refusing backend's mail fails the question, and its asker is told with the same commit.
  await gate("refuse");
  expect(mesh.delivered(frontend)).toMatchObject([{ kind: "answer", answer_to: { outcome: "failed" } }]);
});
