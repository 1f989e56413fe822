import type { MessageId, PeerId, Rung } from "../protocol/index.ts";
import type { Bucket } from "./budget.ts";
import type { Route, Tx } from "./ports.ts";

/** What a session is doing, as far as its runtime tells. */
export interface Activity {
  state: "idle" | "busy" | "waiting" | "unknown";
  since_awake: number;
}

/** A call that is really waiting for the answer to an ask: an edge of the wait graph. */
export interface Wait {
  id: string;
  ask: MessageId;
  /** The waiting peer and the peer it waits for. */
  waiter: PeerId;
  target: PeerId;
  /** A question of a peer further down the loop can be handed over as this call's result. */
  canTakeQuestion: boolean;
  /** The call comes from a waiting tool call of the session, so its result is a rung of its own. */
  rung: Extract<Rung, "result">;
  /** One call that waits for several asks: its waits end together where its session must go on. */
  call?: { id: string; returns_by: number };
}

/** What a call says of itself when it begins to wait. `returns_by`: awake ms; until then it keeps the answers it has got. */
export type Waiting = Pick<Wait, "id" | "canTakeQuestion" | "call">;

/**
 * What is true only while processes live: routes, waits, what sessions are doing. It is rebuilt from reconnects after a restart.
 * Every change names its undo to the transaction, so that a commit that fails leaves no trace here either.
 */
export interface Live {
  routes(peer: PeerId): readonly Route[];
  route(id: string): Route | undefined;
  putRoute(tx: Tx, route: Route): void;
  removeRoute(tx: Tx, id: string): void;

  activity(peer: PeerId): Activity;
  setActivity(tx: Tx, peer: PeerId, activity: Activity): void;

  /** Whether this session's runtime gives receipts (hooks or a transcript), so that their absence proves something. */
  givesReceipts(peer: PeerId): boolean;
  setGivesReceipts(tx: Tx, peer: PeerId, gives: boolean): void;

  /** Until when (awake ms) a lost link is expected back; lower rungs wait for that. */
  linkExpectedUntil(peer: PeerId): number;
  expectLink(tx: Tx, peer: PeerId, untilAwake: number): void;

  /** What is left of a budget; absent: all of it. */
  bucket(key: string): Bucket | undefined;
  setBucket(tx: Tx, key: string, bucket: Bucket | undefined): void;
  /** Forgets budgets last spent from before this instant (awake ms): they are full again. */
  dropBuckets(before: number): void;

  waits(): Iterable<Wait>;
  wait(id: string): Wait | undefined;
  waitsOf(peer: PeerId): Wait[];
  waitsFor(ask: MessageId): Wait[];
  putWait(tx: Tx, wait: Wait): void;
  removeWait(tx: Tx, id: string): void;
}

const UNKNOWN: Activity = { state: "unknown", since_awake: 0 };

export function createLive(): Live {
  const routes = new Map<string, Route>();
  const byPeer = new Map<PeerId, Route[]>();
  const activities = new Map<PeerId, Activity>();
  const receipts = new Map<PeerId, boolean>();
  const expected = new Map<PeerId, number>();
  const waits = new Map<string, Wait>();
  const buckets = new Map<string, Bucket>();

  function put<K, V>(tx: Tx, map: Map<K, V>, key: K, value: V | undefined): void {
    const before = map.get(key);
    if (value === undefined) map.delete(key);
    else map.set(key, value);
    tx.onRollback(() => {
      if (before === undefined) map.delete(key);
      else map.set(key, before);
    });
  }

  function setRoutesOf(tx: Tx, peer: PeerId, list: Route[]): void {
    put(tx, byPeer, peer, list.length > 0 ? list : undefined);
  }

  return {
    routes: (peer) => byPeer.get(peer) ?? [],
    route: (id) => routes.get(id),
    putRoute(tx, route) {
      put(tx, routes, route.id, route);
      setRoutesOf(tx, route.peer, [...(byPeer.get(route.peer) ?? []).filter((other) => other.id !== route.id), route]);
    },
    removeRoute(tx, id) {
      const route = routes.get(id);
      if (!route) return;
      put(tx, routes, id, undefined);
      setRoutesOf(
        tx,
        route.peer,
        (byPeer.get(route.peer) ?? []).filter((other) => other.id !== id),
      );
    },

    activity: (peer) => activities.get(peer) ?? UNKNOWN,
    setActivity: (tx, peer, activity) => put(tx, activities, peer, activity),

    givesReceipts: (peer) => receipts.get(peer) ?? false,
    setGivesReceipts: (tx, peer, gives) => put(tx, receipts, peer, gives),

    linkExpectedUntil: (peer) => expected.get(peer) ?? 0,
    expectLink: (tx, peer, until) => put(tx, expected, peer, until),

    bucket: (key) => buckets.get(key),
    setBucket: (tx, key, bucket) => put(tx, buckets, key, bucket),
    dropBuckets(before) {
      for (const [key, bucket] of buckets) if (bucket.at < before) buckets.delete(key);
    },

    waits: () => waits.values(),
    wait: (id) => waits.get(id),
    waitsOf: (peer) => [...waits.values()].filter((wait) => wait.waiter === peer),
    waitsFor: (ask) => [...waits.values()].filter((wait) => wait.ask === ask),
    putWait: (tx, wait) => put(tx, waits, wait.id, wait),
    removeWait: (tx, id) => put(tx, waits, id, undefined),
  };
}
