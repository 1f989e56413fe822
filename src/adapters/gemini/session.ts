import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  answerByTurn,
  type Context,
  type DeliveryRecord,
  type Engine,
  endTurn,
  noteActivity,
  noteLimited,
  noteSeen,
  noteTurnInput,
  openAskTo,
  type PeerRecord,
  requeue,
  type TurnInput,
} from "../../core/index.ts";
import { logger } from "../../platform/log.ts";
import { isForeground, startedAt } from "../../platform/process.ts";
import type { PeerId } from "../../protocol/index.ts";
import type { Transports } from "../adapter.ts";
import type { FileReports } from "../files.ts";
import { createTail, type Tail } from "../tail.ts";
import { findPane, look, type Pane, TmuxError } from "../tmux/index.ts";
import { hasGate } from "./gate.ts";
import { createPaneRoute } from "./pane-route.ts";
import { type GeminiScreen, readScreen } from "./screen.ts";
import { createGeminiFacts, type GeminiFact } from "./transcript.ts";
import { beginTurn, type GeminiTurn, goOn, judgeTurn } from "./turn.ts";

const log = logger("gemini");

/** One live Gemini CLI session as the daemon follows it: its transcript, its pane, what its hooks said. */
export interface GeminiSession {
  readonly peer: PeerId;
  readonly pid: number;
  readonly configDir: string;
  /** How people find the session's terminal: `pane work:1.0`, or its process. */
  readonly place: string;
  /** Whether it has no pane, so that only its own hooks can bring it anything. */
  readonly isPlain: boolean;
  /** The route that its pane is. */
  readonly routeId: string;
  /** A hook of ours ran: which, and what it named. */
  hookRan(event: string, transcript: string | undefined, tmux: string | undefined): void;
  /** The BeforeAgent hook took this message's tag. */
  taken(handle: string): void;
  /** A tool call waits for its user. */
  waits(detail: string): Promise<void>;
  /** Reads what was appended to the transcript and tells core. */
  catchUp(): Promise<void>;
  /** The CLI says that its turn is over. */
  turnEnded(): Promise<void>;
  /** Looks at the pane, corrects what the hooks said, and lets go what was held only for what stood in the composer. */
  tick(): Promise<void>;
  mayBeSubagent(): boolean;
  close(): void;
}

export interface GeminiSessionParts {
  engine: Engine;
  transports: Transports;
  files: FileReports;
  peer: PeerRecord;
  pid: number;
  configDir: string;
}

/** A hook's word stands this long against a title that may be older. */
const HOOK_STANDS_MS = 1_500;
/** The screen alone ends a turn only when it shows an idle composer twice, this far apart. */
const IDLE_AGAIN_MS = 900;
/** What the transcript lacks when the AfterAgent hook runs comes within this time. */
const ENTRY_WAIT_MS = 600;
const ENTRY_LOOK_MS = 50;
/** A message that a hook took and that no turn shows, this long after the session was idle again, was dropped by the CLI. */
const DROPPED_MS = 3_000;
const PANE_LOOK_AGAIN_MS = 10_000;

export function createGeminiSession(parts: GeminiSessionParts): GeminiSession {
  const { engine, pid, configDir } = parts;
  const peerId = parts.peer.id;
  const startedMs = startedAt(pid) ?? 0;
  let tail: Tail | undefined;
  let factsOf = createGeminiFacts();
  let turn: GeminiTurn | undefined;
  let isJudged = true;
  let pane: Pane | undefined;
  let paneLookedAt = 0;
  let tmux: string | undefined;
  let hasHooks = parts.peer.capabilities.includes("hooks");
  let gate: "open" | "proven" | "broken" = hasHooks && hasGate(configDir) ? "proven" : "open";
  let hookAt = 0;
  let idleSince: number | undefined;
  let waitDetail: string | undefined;
  let isLimitShown = false;
  if (parts.peer.transcript) useTranscript(parts.peer.transcript);

  const route = createPaneRoute({
    engine,
    transports: parts.transports,
    peer: peerId,
    pid,
    pane: () => pane,
    lookAgain: () => tick(),
  });

  function useTranscript(file: string): void {
    if (tail?.file === file) return;
    tail = createTail(file);
    factsOf = createGeminiFacts();
    [turn, isJudged] = [undefined, true];
  }

  async function catchUp(): Promise<void> {
    const facts = readFacts();
    if (facts.length === 0) return;
    await engine.run((ctx) => {
      for (const fact of facts) apply(ctx, fact);
    });
    for (const fact of facts) if (fact.type === "files") await parts.files.used(peerId, fact);
  }

  function readFacts(): GeminiFact[] {
    try {
      return (tail?.read() ?? []).flatMap(factsOf);
    } catch (error) {
      log.warning("a transcript could not be read", { peer: peerId, error });
      return [];
    }
  }

  function apply(ctx: Context, fact: GeminiFact): void {
    if (fact.type === "input") return takeInput(ctx, fact);
    if (!turn || fact.type === "files") return;
    const isFirst = !turn.hasOutput && fact.type === "output";
    turn = goOn(turn, fact);
    if (isFirst) for (const delivery of carriedBy(ctx, turn)) noteSeen(ctx, peerId, delivery.message, "transcript");
  }

  function takeInput(ctx: Context, fact: Extract<GeminiFact, { type: "input" }>): void {
    // A resumed session's file begins with what another process did.
    if (fact.at < startedMs - 1_000) {
      turn = undefined;
      return;
    }
    if (turn && !isJudged) settleBefore(ctx, turn);
    turn = beginTurn(fact);
    isJudged = false;
    if (fact.input.from === "bareTag") loseGate(ctx, fact.input.handle);
    for (const delivery of carriedBy(ctx, turn)) {
      if (delivery.state !== "queued")
        noteTurnInput(ctx, peerId, { type: "delivery", message: delivery.message }, "transcript");
    }
  }

  /** The next prompt came, and nothing had told of the end of this turn. */
  function settleBefore(ctx: Context, over: GeminiTurn): void {
    if (!carriedBy(ctx, over).some((delivery) => openAskTo(ctx, peerId, delivery.message))) return;
    const was = ctx.live.activity(peerId).state;
    settle(ctx, over, true);
    if (was === "busy") noteActivity(ctx, peerId, "busy");
  }

  /** A tag entered alone: no hook of ours stands in the way of anything in this session. */
  function loseGate(ctx: Context, handle: string): void {
    const delivery = ctx.tx.deliveries.byHandle(handle);
    if (delivery?.peer !== peerId) return;
    gate = "broken";
    route.keep(ctx, false);
    log.warning("a session has no BeforeAgent hook of ours; nothing more is pasted there", { peer: peerId, pid });
    if (delivery.state === "leased")
      route.giveBack(ctx, delivery, "its session has no repowire hook; run repowire setup");
  }

  /** What our own frames brought into this turn, as far as it is this session's. */
  function carriedBy(ctx: Context, of: GeminiTurn): DeliveryRecord[] {
    if (of.input.from === "bareTag") return [];
    return of.input.carried.flatMap((handle) => {
      const delivery = ctx.tx.deliveries.byHandle(handle);
      return delivery?.peer === peerId ? [delivery] : [];
    });
  }

  function settle(ctx: Context, over: GeminiTurn | undefined, isFinished: boolean): void {
    isJudged = true;
    const common = { wasContinued: false, canRemind: false };
    if (!over) return void endTurn(ctx, peerId, { ...common, outcome: isFinished ? "done" : "interrupted" });
    const carried = carriedBy(ctx, over);
    const inputs = carried.map((delivery): TurnInput => ({ type: "delivery", message: delivery.message }));
    const end = judgeTurn(over, isFinished);
    switch (end.outcome) {
      case "answer":
        answer(ctx, over, end.text);
        return void endTurn(ctx, peerId, { ...common, outcome: "done", inputs });
      case "interrupted":
        return void endTurn(ctx, peerId, { ...common, outcome: "interrupted", inputs });
      default:
        return void endTurn(ctx, peerId, { ...common, outcome: end.outcome, error: end.error, inputs });
    }
  }

  /**
   * The last text of a turn that our message alone began is its answer. Not where the session has asked somebody itself since:
   * then it waits for that answer, and says so.
   */
  function answer(ctx: Context, over: GeminiTurn, text: string): void {
    if (over.input.from !== "tag" && over.input.from !== "injected") return;
    const delivery = ctx.tx.deliveries.byHandle(over.input.handle);
    if (delivery?.peer !== peerId) return;
    const from = delivery.entered_at ?? delivery.presented_at ?? 0;
    if (ctx.tx.asks.openFrom(peerId).some((own) => own.opened_at >= from)) return;
    answerByTurn(ctx, peerId, delivery.message, text);
  }

  async function turnEnded(): Promise<void> {
    await catchUp();
    const deadline = Date.now() + ENTRY_WAIT_MS;
    while (turn && !isJudged && isUnclear(turn) && Date.now() < deadline) {
      await Bun.sleep(ENTRY_LOOK_MS);
      await catchUp();
    }
    await end(true);
  }

  /** Nothing says yet how it ended: an error's or a cancel's note may be on its way. */
  const isUnclear = (of: GeminiTurn): boolean =>
    !of.isCancelled && !of.error && (of.text.trim() === "" || of.calls > 0);

  async function end(isFinished: boolean): Promise<void> {
    hookAt = Date.now();
    [waitDetail, idleSince] = [undefined, undefined];
    const over = isJudged ? undefined : turn;
    await engine.run((ctx) => settle(ctx, over, isFinished));
  }

  async function tick(): Promise<void> {
    await catchUp();
    await keepPane();
    if (!pane) return;
    try {
      const seen = await look(pane);
      // Another program has the terminal; the pane says nothing of this one.
      if (seen.rootPid !== pane.rootPid || seen.isDead || isForeground(pid) === false) return;
      await takeScreen(readScreen(seen), seen.clientActiveAt);
    } catch (error) {
      if (!(error instanceof TmuxError)) throw error;
      pane = undefined;
      await keepRoute();
    }
  }

  async function keepPane(): Promise<void> {
    if (!pane && Date.now() - paneLookedAt >= PANE_LOOK_AGAIN_MS) {
      paneLookedAt = Date.now();
      pane = await findPane(pid, { tmux }).catch((error: unknown) => {
        if (!(error instanceof TmuxError)) throw error;
        log.info("the pane of a session could not be looked for", { peer: peerId, reason: error.message });
        return undefined;
      });
    }
    await keepRoute();
  }

  async function keepRoute(): Promise<void> {
    const wanted = pane !== undefined && hasHooks && gate === "proven";
    if (wanted !== route.isOpen) await engine.run((ctx) => route.keep(ctx, wanted));
  }

  async function takeScreen(screen: GeminiScreen, clientActiveAt: number | undefined): Promise<void> {
    if (!hasHooks) return;
    const state = engine.read((ctx) => ctx.live.activity(peerId).state);
    const isHookFresh = Date.now() - hookAt < HOOK_STANDS_MS;
    if (screen.state !== "limit") isLimitShown = false;
    if (screen.state !== "idle") idleSince = undefined;
    switch (screen.state) {
      case "idle":
        await noteMode(screen.isYolo ? "yolo" : "default");
        if (state === "unknown") await engine.run((ctx) => noteActivity(ctx, peerId, "idle"));
        else if (state !== "idle" && !isHookFresh) await idleOnScreen();
        else if (state === "idle") await whenIdle(screen, clientActiveAt);
        return;
      case "working":
        if (!isHookFresh && state !== "busy") await engine.run((ctx) => noteActivity(ctx, peerId, "busy"));
        return;
      case "asks":
        if (state !== "waiting") await waits(waitDetail ?? `a decision; decide in ${place()}`);
        return;
      case "limit":
        if (isLimitShown) return;
        isLimitShown = true;
        await engine.run((ctx) => noteLimited(ctx, peerId, undefined, `${screen.text}; decide in ${place()}`));
        return;
      case "trust":
      case "unknown":
        return;
      default:
        screen satisfies never;
    }
  }

  /** A turn that ends without its hook (a permission dialog that was cancelled) shows in the screen alone. */
  async function idleOnScreen(): Promise<void> {
    idleSince ??= Date.now();
    if (Date.now() - idleSince < IDLE_AGAIN_MS) return;
    await catchUp();
    await end(false);
  }

  async function whenIdle(screen: Extract<GeminiScreen, { state: "idle" }>, active: number | undefined): Promise<void> {
    await engine.run((ctx) => {
      giveBackDropped(ctx);
      route.lift(ctx, screen.isEmpty ? "" : screen.text, active);
    });
  }

  /** A hook printed it and no turn ever showed it: the CLI was interrupted in between. */
  function giveBackDropped(ctx: Context): void {
    const idleFor = ctx.now.awake - ctx.live.activity(peerId).since_awake;
    if (idleFor < DROPPED_MS || !tail) return;
    route.giveBackStuck(ctx);
    for (const delivery of ctx.tx.deliveries.inStates(peerId, ["presented"])) {
      if (delivery.rung !== "pane" && delivery.rung !== "hook") continue;
      if (delivery.entered_at === undefined && ctx.now.awake - (delivery.presented_awake ?? 0) >= DROPPED_MS)
        requeue(ctx, delivery, "the CLI dropped its prompt");
    }
  }

  async function noteMode(mode: "yolo" | "default"): Promise<void> {
    const known = engine.read((ctx) => ctx.tx.peers.get(peerId)?.permission_mode);
    if (known === mode) return;
    await engine.run((ctx) => {
      const peer = ctx.tx.peers.get(peerId);
      if (peer) ctx.tx.peers.put({ ...peer, permission_mode: mode });
      ctx.stirred.add(peerId);
    });
  }

  async function waits(detail: string): Promise<void> {
    waitDetail = detail;
    await engine.run((ctx) => noteActivity(ctx, peerId, "waiting", detail.slice(0, 200)));
  }

  const place = (): string => (pane ? `pane ${pane.label}` : `the terminal of process ${pid}`);

  return {
    peer: peerId,
    pid,
    configDir,
    get place() {
      return place();
    },
    get isPlain() {
      return pane === undefined;
    },
    routeId: route.id,
    hookRan(event, transcript, tmuxOfHook) {
      hasHooks = true;
      hookAt = event === "BeforeAgent" || event === "Notification" ? Date.now() : hookAt;
      tmux = tmuxOfHook ?? tmux;
      if (transcript) useTranscript(transcript);
      if (gate === "open" && (event === "BeforeAgent" || hasGate(configDir))) gate = "proven";
    },
    taken: (handle) => route.taken(handle),
    waits,
    catchUp,
    turnEnded,
    tick,
    mayBeSubagent() {
      const conversation = engine.read((ctx) => ctx.tx.peers.get(peerId)?.conversation);
      // Sub-agents write beside the main transcript, in a folder named after the session (0.61.0).
      return !tail || !conversation || existsSync(join(dirname(tail.file), conversation));
    },
    close: () => route.close(),
  };
}
