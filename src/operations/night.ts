import { type AskRecord, addressOf, type Context, mustGet, nightOf, presenceOf, seatOf } from "../core/index.ts";
import {
  LIMITS,
  type MeshEvent,
  type Message,
  type NightQuestion,
  type PeerId,
  RepowireError,
} from "../protocol/index.ts";
import type { Handler, OperationDeps } from "./types.ts";

/** The record of a span, read in pages between which the daemon goes on with its other work. */

const DAY_MS = 86_400_000;
/** How far back each peer's state at the beginning is looked for, in pages of the log. */
const PAGES_BEFORE = 10;
const RELEVANT = /^(?:peer\.(?:joined|left|presence)|guard\.|approval\.|truth\.mismatch|delivery\.held|daemon\.)/;

export function nightHandler(deps: OperationDeps): Handler<"night"> {
  return async ({ caller, params }) => {
    const until = Math.min(params.until ?? Number.POSITIVE_INFINITY, deps.clock.now().wall);
    const { since } = params;
    checkSpan(since, until);
    deps.engine.read((ctx) => seatOf(ctx, caller));
    const messages = await messagesOf(deps, since, until);
    const { events, before } = await eventsOf(deps, since, until);
    const now = deps.engine.read((ctx) => stateNow(ctx, since));
    const repositories = await repositoriesOf(deps, now.folders, since, until);
    return nightOf({ since, until, ...messages, ...now, events, before, repositories });
  };
}

function checkSpan(since: number, until: number): void {
  if (since >= until) throw new RepowireError("invalid_input", `"since" is not before "until", or not in the past.`);
  if (until - since > LIMITS.nightMsMax) {
    throw new RepowireError(
      "invalid_input",
      `That is ${Math.ceil((until - since) / DAY_MS)} days; one report is of at most ${LIMITS.nightMsMax / DAY_MS}. \`repowire export\` and \`repowire history\` reach further back.`,
    );
  }
}

/** Others have their turn of the event loop. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function messagesOf(deps: OperationDeps, since: number, until: number) {
  const messages: { kind: string; from: string; to: string[] }[] = [];
  const questions: NightQuestion[] = [];
  for (let before: number | undefined, isFirst = true; isFirst || before !== undefined; isFirst = false) {
    before = deps.engine.read((ctx) => {
      const page = ctx.tx.messages.find({ terms: [], since, until, before, limit: LIMITS.findPageMax });
      for (const { message } of page.found) {
        messages.push({ kind: message.kind, from: senderOf(ctx, message), to: recipientsOf(ctx, message) });
        const ask = message.kind === "ask" ? ctx.tx.asks.get(message.id) : undefined;
        if (ask) questions.push(questionOf(ctx, message, ask));
      }
      return page.next;
    });
    if (messages.length > LIMITS.nightMessagesMax) {
      throw new RepowireError(
        "overloaded",
        `More than ${LIMITS.nightMessagesMax} messages were sent in that time. Ask for a shorter one.`,
      );
    }
    await breathe();
  }
  return { messages: messages.reverse(), questions: questions.reverse() };
}

const peerName = (ctx: Context, id: PeerId): string | undefined => {
  const peer = ctx.tx.peers.get(id);
  return peer && addressOf(peer);
};
const senderOf = (ctx: Context, { from, from_name, from_circle }: Message): string =>
  peerName(ctx, from) ?? addressOf({ name: from_name, circle: from_circle });
const recipientsOf = (ctx: Context, { id }: Message): string[] =>
  ctx.tx.deliveries.ofMessage(id).map(({ peer }) => peerName(ctx, peer) ?? "a peer that left");

const excerptOf = (text: string): string =>
  text.length > LIMITS.nightTextCharsMax ? `${text.slice(0, LIMITS.nightTextCharsMax).toWellFormed()}…` : text;

function questionOf(ctx: Context, message: Message, ask: AskRecord): NightQuestion {
  const answer = ask.answer ? ctx.tx.messages.get(ask.answer) : undefined;
  return {
    id: ask.handle,
    at: ask.opened_at,
    from: senderOf(ctx, message),
    to: peerName(ctx, ask.askee) ?? answer?.from_name ?? "a peer that left",
    text: excerptOf(message.body),
    state: ask.state,
    took_ms: Math.max(0, (ask.closed_at ?? ctx.now.wall) - ask.opened_at),
    answer: answer && excerptOf(answer.body),
    why: ask.detail ?? ask.reason,
    stands: ask.state === "open" ? standsOf(ctx, ask) : undefined,
  };
}

function standsOf(ctx: Context, ask: AskRecord): NightQuestion["stands"] {
  const delivery = ctx.tx.deliveries.get(ask.message, ask.askee);
  if (!delivery) return undefined;
  const { state, detail } = presenceOf(mustGet(ctx, ask.askee));
  return {
    delivery: delivery.state,
    reason: delivery.reason,
    overlooked: ask.overlooked_at !== undefined,
    presence: state,
    detail,
  };
}

function stateNow(ctx: Context, since: number) {
  const peers = ctx.tx.peers.all();
  const open = peers.flatMap(({ id }) => ctx.tx.asks.openTo(id)).filter(({ opened_at }) => opened_at < since);
  return {
    peers,
    openFromBefore: open
      .toSorted((a, b) => a.opened_at - b.opened_at)
      .flatMap((ask) => {
        const message = ctx.tx.messages.get(ask.message);
        return message ? [questionOf(ctx, message, ask)] : [];
      }),
    pauses: ctx.tx.shelves.pause
      .all()
      .filter(({ resumed_at }) => resumed_at === undefined)
      .map(({ id, peers: paused, reason, paused_at }) => ({
        id,
        reason,
        paused_at,
        names: paused.map((peer) => ctx.tx.peers.get(peer)?.name ?? "a peer that left"),
      })),
    folders: peers.flatMap(({ path, name, circle, role }) =>
      path && role !== "human" ? [{ path, peer: addressOf({ name, circle }) }] : [],
    ),
  };
}

async function eventsOf(deps: OperationDeps, since: number, until: number) {
  const start = deps.engine.read(({ tx }) => {
    // The log is numbered, not dated: where the span begins is found by halving.
    let [low, high] = [0, tx.events.last()];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [event] = tx.events.after(middle, 1);
      if (event === undefined || event.at >= since) high = middle;
      else low = event.seq;
    }
    return low;
  });
  const events: MeshEvent[] = [];
  for (let after = start; ; ) {
    const page = deps.engine.read(({ tx }) => tx.events.after(after, LIMITS.pageMax));
    events.push(...page.filter(({ type, at }) => at >= since && at < until && RELEVANT.test(type)));
    const last = page.at(-1);
    if (!last || last.at >= until) return { events, before: await presencesBefore(deps, start) };
    after = last.seq;
    await breathe();
  }
}

/** Each peer's last presence up to that place of the log, from where it is not too far back. */
async function presencesBefore(deps: OperationDeps, end: number): Promise<Map<PeerId, MeshEvent>> {
  const found = new Map<PeerId, MeshEvent>();
  const wanted = deps.engine.read(({ tx }) => tx.peers.all().length);
  for (let high = end, page = 0; high > 0 && page < PAGES_BEFORE && found.size < wanted; page++) {
    const low = Math.max(0, high - LIMITS.pageMax);
    const events = deps.engine.read(({ tx }) => tx.events.after(low, LIMITS.pageMax));
    for (const event of events.toReversed()) {
      if (event.seq > high || event.type !== "peer.presence" || !event.peer) continue;
      if (!found.has(event.peer)) found.set(event.peer, event);
    }
    high = low;
    await breathe();
  }
  return found;
}

/** Each repository once, however many checkouts of it are peers' folders. */
async function repositoriesOf(
  deps: OperationDeps,
  folders: readonly { path: string; peer: string }[],
  since: number,
  until: number,
) {
  const byRepository = new Map<string, Set<string>>();
  for (const { path, peer } of folders) {
    const repository = deps.commits.repositoryOf(path);
    if (repository === undefined) continue;
    byRepository.set(repository, (byRepository.get(repository) ?? new Set()).add(peer));
  }
  const found = [];
  for (const [path, peers] of [...byRepository].sort(([a], [b]) => a.localeCompare(b))) {
    const { commits, total } = await deps.commits.made(path, since, until);
    if (commits.length > 0) found.push({ path, peers: [...peers].sort(), commits, total });
  }
  return found;
}
