import { readCheckout } from "../../platform/checkout.ts";
import { quietGit } from "../../platform/git.ts";
import type { Ask, Mesh, MeshEvent, Peer } from "../../protocol/index.ts";
import type { Commit, Heard, Records, Repository } from "./facts.ts";

const PAGE = 500;
/** More than a person reads in a morning; what is left out is said. */
const MESSAGES_MAX = 20_000;
const ASKS_MAX = 500;
const COMMITS_MAX = 200;
const GIT_MS = 5_000;

/** Everything of the span that the record holds, and the commits of the peers' checkouts. */
export async function collectRecords(mesh: Mesh, since: number, until: number): Promise<Records> {
  const { peers } = await mesh.peers({ include_offline: true });
  const messages = await messagesOf(mesh, since, until);
  const questions = messages.filter(({ kind }) => kind === "ask").slice(-ASKS_MAX);
  const asks: Ask[] = [];
  for (const { message } of questions) {
    const { ask } = await mesh.trace({ id: message });
    if (ask) asks.push(ask);
  }
  const [events, repositories] = await Promise.all([eventsOf(mesh, since, until), repositoriesOf(peers, since, until)]);
  return { since, until, peers, messages, asks, events, repositories };
}

/** The oldest first. */
async function messagesOf(mesh: Mesh, since: number, until: number): Promise<Heard[]> {
  let found: Heard[] = [];
  let cursor: number | undefined;
  do {
    const page = await mesh.history({ since, until, cursor, limit: 100 });
    found = [...page.messages, ...found];
    cursor = page.cursor;
  } while (cursor !== undefined && found.length < MESSAGES_MAX);
  return found;
}

/** The log is numbered, not dated: the place where the span begins is found by halving. */
async function eventsOf(mesh: Mesh, since: number, until: number): Promise<MeshEvent[]> {
  const { newest } = await mesh.events({ limit: 1 });
  let [low, high] = [0, newest];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [event] = (await mesh.events({ after: middle, limit: 1 })).events;
    if (event === undefined || event.at >= since) high = middle;
    else low = event.seq;
  }
  const events: MeshEvent[] = [];
  for (let after = low; ; ) {
    const page = await mesh.events({ after, limit: PAGE });
    events.push(...page.events.filter(({ at }) => at >= since && at < until));
    const last = page.events.at(-1);
    if (!last || last.at >= until) return events;
    after = page.cursor;
  }
}

/** Each repository once, however many worktrees of it are peers' folders. */
async function repositoriesOf(peers: readonly Peer[], since: number, until: number): Promise<Repository[]> {
  const roots = new Set<string>();
  for (const { path, worktree_of } of peers) {
    const root = worktree_of ?? (path === undefined ? undefined : readCheckout(path)?.root);
    if (root) roots.add(root);
  }
  const read = await Promise.all([...roots].sort().map((path) => commitsOf(path, since, until)));
  return read.filter(({ commits }) => commits.length > 0);
}

/** Of all branches, the newest first, with nothing run that the repository asks for. */
async function commitsOf(path: string, since: number, until: number): Promise<Repository> {
  const git = await quietGit(path, GIT_MS);
  const seconds = (ms: number) => Math.floor(ms / 1_000);
  const log = await git?.(
    ...["-c", "log.showSignature=false", "log", "--all", "--no-show-signature", `--max-count=${COMMITS_MAX + 1}`],
    ...[`--since=${seconds(since)}`, `--until=${seconds(until)}`, "-z", "--format=%h%x1f%ct%x1f%an%x1f%s"],
  );
  const commits = (log?.ok ? log.out : "").split("\0").flatMap((line): Commit[] => {
    const [hash, at, author, subject] = line.split("\u001f");
    return hash && at && author !== undefined && subject !== undefined
      ? [{ hash: hash.trim(), at: Number(at) * 1_000, author, subject }]
      : [];
  });
  return { path, commits: commits.slice(0, COMMITS_MAX), isCut: commits.length > COMMITS_MAX };
}
