import { type Engine, noteFileWrite, type PeerRecord, type Radar } from "../core/index.ts";
import { readCheckout } from "../platform/checkout.ts";
import { fileInCheckout } from "../platform/repository-file.ts";
import { LIMITS, type PeerId } from "../protocol/index.ts";
import { collisionForFirst, collisionForSecond } from "../words/index.ts";

/** Files that a session's tools named: as it named them, so of any kind. */
export interface FilesUsed {
  writes: readonly string[];
  reads: readonly string[];
  /** Where relative paths begin, if not at the session's folder. */
  cwd?: string;
  /** Epoch ms; now, unless it is read from a record. */
  at?: number;
}

/** Where adapters and links tell which files their sessions use. */
export interface FileReports {
  readonly isOn: boolean;
  /** Real path of the checkout that a session sits in. */
  rootOf(peer: PeerId): string | undefined;
  /** Files of its checkout that a session read in that time (epoch ms), in the order in which it read them last. */
  readBetween(peer: PeerId, from: number, until: number): string[];
  /** Resolves to whether the session that writes was warned of another one. */
  used(peer: PeerId, files: FilesUsed): Promise<boolean>;
  /** Sessions that share their checkout with another live one of their circle: only there a write can meet another. */
  sharing(): ReadonlySet<PeerId>;
}

export interface FileReportsParts {
  engine: Engine;
  radar: Radar;
  /** `radar` of config.yaml. */
  watchesWrites: boolean;
  /** `stale_answers`. */
  watchesReads: boolean;
}

/** A checkout's place does not change while it is worked in; looked at again all the same. */
const ROOT_KEPT_MS = 30_000;
const ROOTS_MAX = 2_000;
const TIMES_KEPT = 8;

export function createFileReports(parts: FileReportsParts): FileReports {
  const { engine, radar, watchesWrites, watchesReads } = parts;
  /** Of each session its files, and of each file when it was read last: one answer may rest on an earlier time than the next. */
  const reads = new Map<PeerId, Map<string, number[]>>();
  const roots = new Map<string, { root: string | undefined; at: number }>();

  function rootOf(folder: string | undefined): string | undefined {
    if (folder === undefined) return undefined;
    const known = roots.get(folder);
    if (known && Date.now() - known.at < ROOT_KEPT_MS) return known.root;
    const root = readCheckout(folder)?.root;
    if (roots.size >= ROOTS_MAX) roots.clear();
    roots.set(folder, { root, at: Date.now() });
    return root;
  }

  const seatOf = (peer: PeerId): PeerRecord | undefined => engine.read((ctx) => ctx.tx.peers.get(peer));

  function noteReads(peer: PeerId, files: readonly string[], at: number): void {
    const own = reads.get(peer) ?? new Map<string, number[]>();
    reads.delete(peer);
    if (reads.size >= LIMITS.radarPeersMax) reads.delete([...reads.keys()][0] ?? "");
    reads.set(peer, own);
    for (const file of files) {
      const times = [...(own.get(file) ?? []), at].slice(-TIMES_KEPT);
      own.delete(file);
      own.set(file, times);
      if (own.size > LIMITS.filesReadMax) own.delete([...own.keys()][0] ?? "");
    }
  }

  return {
    isOn: watchesWrites || watchesReads,
    rootOf: (peer) => rootOf(seatOf(peer)?.path),
    readBetween: (peer, from, until) =>
      [...(reads.get(peer) ?? [])].flatMap(([file, times]) =>
        times.some((at) => at >= from && at <= until) ? [file] : [],
      ),
    async used(id, files) {
      const peer = seatOf(id);
      const root = rootOf(peer?.path);
      if (!peer?.path || root === undefined) return false;
      const insideOf = (names: readonly string[]) =>
        [...new Set(names)]
          .slice(0, LIMITS.filesPerReportMax)
          .flatMap((name) => fileInCheckout(root, files.cwd ?? peer.path ?? root, name) ?? []);
      if (watchesReads) noteReads(id, insideOf(files.reads), files.at ?? Date.now());
      const inside = watchesWrites ? insideOf(files.writes) : [];
      if (inside.length === 0) return false;
      return engine.run((ctx) =>
        inside
          .map((file) => {
            const shown = file.slice(root.length + 1);
            return noteFileWrite(
              ctx,
              radar,
              { peer: id, file, at: files.at ?? ctx.now.wall },
              {
                toSecond: (first, agoMs) => collisionForSecond(first.name, shown, agoMs),
                toFirst: (second) => collisionForFirst(second.name, shown),
              },
            );
          })
          .includes(true),
      );
    },
    sharing() {
      if (!watchesWrites) return new Set();
      const live = engine.read((ctx) =>
        ctx.tx.peers.all().filter((peer) => peer.presence.state !== "offline" && peer.role !== "human"),
      );
      const groups = Map.groupBy(live, (peer) => `${peer.circle}\n${rootOf(peer.path) ?? peer.id}`);
      return new Set([...groups.values()].flatMap((group) => (group.length > 1 ? group.map(({ id }) => id) : [])));
    },
  };
}
