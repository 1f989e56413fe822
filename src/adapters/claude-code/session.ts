import {
  type Context,
  changeConversation,
  closeRoute,
  type Engine,
  endTurn,
  enter,
  noteActivity,
  noteSeen,
  noteTurnInput,
  openRoute,
  type PeerRecord,
  type TurnInput,
  withdrawApprovals,
} from "../../core/index.ts";
import { logger } from "../../platform/log.ts";
import { processArgs } from "../../platform/process.ts";
import type { MessageId, PeerId } from "../../protocol/index.ts";
import type { ClaudeInbox } from "../claude-inbox/inbox.ts";
import type { FileReports } from "../files.ts";
import { startMode } from "./mode.ts";
import { readSessionRecord, type SessionRecord } from "./record.ts";
import {
  createTranscriptReader,
  findTranscript,
  hasSubagents,
  type TranscriptFact,
  type TranscriptReader,
} from "./transcript.ts";

const log = logger("claude-code");

/** One live Claude Code session as the daemon follows it: its record, its transcript, its inbox socket. */
export interface ClaudeSession {
  readonly peer: PeerId;
  readonly pid: number;
  readonly configDir: string;
  /** The record on disk changed, or may have. */
  refresh(): Promise<void>;
  /** A hook named the transcript. */
  useTranscript(file: string): void;
  /** Reads what was appended to the transcript and tells core. */
  catchUp(): Promise<void>;
  /** What went into the turn that is under way, as far as the transcript has it. */
  turnInputs(): TurnInput[];
  /**
   * Reads until the transcript holds the end of the turn that took in `messages` and ended with `text`: it is written some 50 to
   * 150 ms after the hooks ran (Claude Code 2.1.330). Resolves to false when it does not come in time.
   */
  awaitTurnEnd(messages: readonly MessageId[], text: string): Promise<boolean>;
  /** The usage limit that the newest error entry names. */
  lastLimit(): { isLimit: boolean; until?: number; text: string } | undefined;
  mayBeSubagent(toolUseId: string | undefined): boolean;
  readonly version: string | undefined;
  close(): void;
}

export interface ClaudeSessionParts {
  engine: Engine;
  files: FileReports;
  inbox: ClaudeInbox;
  peer: PeerRecord;
  pid: number;
  configDir: string;
}

const TOOL_USES_KEPT = 200;
const TURN_END_WAIT_MS = 700;
const TURN_END_LOOK_MS = 25;

export function createClaudeSession(parts: ClaudeSessionParts): ClaudeSession {
  const { engine, inbox, pid, configDir } = parts;
  const peerId = parts.peer.id;
  let record: SessionRecord | undefined;
  let named: string | undefined;
  let reader: TranscriptReader | undefined;
  let inputs: TurnInput[] = [];
  let lastText = "";
  let isTurnOver = true;
  let awaitingOutput: MessageId[] = [];
  let toolUses: string[] = [];
  let limit: { isLimit: boolean; until?: number; text: string } | undefined;
  let inboxRoute: string | undefined;
  let isModeKnown = false;

  async function refresh(): Promise<void> {
    const next = readSessionRecord(configDir, pid);
    if (!next) return;
    const before = record;
    record = next;
    const wasWaiting = before?.status === "waiting" && next.status !== "waiting";
    await engine.run((ctx) => {
      learnStartMode(ctx);
      changeConversation(ctx, peerId, next.sessionId, "change");
      ctx.live.setGivesReceipts(ctx.tx, peerId, true);
      if (next.status) noteActivity(ctx, peerId, next.status, next.status === "waiting" ? next.waitingFor : undefined);
      if (wasWaiting) withdrawApprovals(ctx, peerId, "decided in the session's own terminal");
      keepInboxRoute(ctx, next);
    });
    if (before && before.sessionId !== next.sessionId) forgetTranscript();
    if (before?.status !== next.status) await catchUp();
  }

  /** Once; hooks and transcript follow the mode from then on. */
  function learnStartMode(ctx: Context): void {
    if (isModeKnown) return;
    isModeKnown = true;
    const peer = ctx.tx.peers.get(peerId);
    const mode = peer?.permission_mode === undefined ? startMode(processArgs(pid), configDir, peer?.path) : undefined;
    if (mode) noteMode(ctx, mode);
  }

  /** The inbox socket is a route of its own while the session lives; it takes messages idle and busy alike. */
  function keepInboxRoute(ctx: Context, next: SessionRecord): void {
    const socket = next.messagingSocketPath;
    const id = socket && `inbox:${pid}:${socket}`;
    if (id === inboxRoute) return;
    if (inboxRoute) {
      closeRoute(ctx, inboxRoute);
      inbox.removeRoute(inboxRoute);
    }
    inboxRoute = id;
    if (!id || !socket) return;
    inbox.addRoute(id, { peer: peerId, socket, configDir, pid });
    openRoute(ctx, {
      id,
      peer: peerId,
      rung: "inbox_socket",
      serves: { idle: 2, busy: 1 },
      ready: true,
      needsProof: false,
      suspect: false,
    });
  }

  function forgetTranscript(): void {
    [reader, named, limit] = [undefined, undefined, undefined];
    [inputs, awaitingOutput, toolUses] = [[], [], []];
  }

  function transcript(): TranscriptReader | undefined {
    const conversation = record?.sessionId ?? engine.read((ctx) => ctx.tx.peers.get(peerId)?.conversation);
    const file = named ?? (conversation ? findTranscript(configDir, conversation) : undefined);
    if (!file) return undefined;
    if (reader?.file !== file) reader = createTranscriptReader(file, process.pid);
    return reader;
  }

  async function catchUp(): Promise<void> {
    const facts = readFacts();
    if (facts.length === 0) return;
    await engine.run((ctx) => {
      for (const fact of facts) apply(ctx, fact);
    });
    for (const fact of facts) if (fact.type === "files") await parts.files.used(peerId, fact);
  }

  function readFacts(): TranscriptFact[] {
    try {
      return transcript()?.read() ?? [];
    } catch (error) {
      log.warning("a transcript could not be read", { peer: peerId, error });
      return [];
    }
  }

  function apply(ctx: Context, fact: TranscriptFact): void {
    switch (fact.type) {
      case "frame":
        return takeFrame(ctx, fact);
      case "input":
        takeInput({ type: fact.from }, fact.isMidTurn);
        return;
      case "result":
        for (const message of fact.messages) noteResult(ctx, message);
        return;
      case "output":
        return takeOutput(ctx, fact);
      case "interrupted":
        endTurn(ctx, peerId, { outcome: "interrupted", inputs: [...inputs], wasContinued: false, canRemind: false });
        isTurnOver = true;
        return;
      case "api_error":
        limit = fact;
        return;
      case "mode":
        return noteMode(ctx, fact.mode);
      case "turn_over":
        return endWithoutHooks(ctx);
      case "files":
        return;
      default:
        fact satisfies never;
    }
  }

  /** An input that follows the end of a turn begins the next one. */
  function takeInput(input: TurnInput, isMidTurn: boolean): void {
    if (isTurnOver && !isMidTurn) {
      inputs = [];
      awaitingOutput = [];
      isTurnOver = false;
    }
    inputs = [...inputs, input].slice(-64);
  }

  function takeFrame(ctx: Context, fact: Extract<TranscriptFact, { type: "frame" }>): void {
    const delivery = ctx.tx.deliveries.byHandle(fact.handle);
    const isOurs =
      delivery?.peer === peerId &&
      (fact.via !== "peer" || fact.address === inbox.addressOf(delivery.message, fact.handle));
    if (!delivery || !isOurs) return takeInput({ type: "other" }, fact.isMidTurn);
    takeInput({ type: "delivery", message: delivery.message }, fact.isMidTurn);
    noteTurnInput(ctx, peerId, { type: "delivery", message: delivery.message }, "transcript");
    awaitingOutput = [...awaitingOutput, delivery.message];
  }

  function noteResult(ctx: Context, message: string): void {
    const delivery = ctx.tx.deliveries.get(message, peerId);
    if (!delivery) return;
    enter(ctx, delivery, "transcript");
    awaitingOutput = [...awaitingOutput, delivery.message];
  }

  /** Output of the model after something entered its conversation: now it is seen. */
  function takeOutput(ctx: Context, fact: Extract<TranscriptFact, { type: "output" }>): void {
    toolUses = [...toolUses, ...fact.toolUses].slice(-TOOL_USES_KEPT);
    if (fact.text !== "") lastText = fact.text;
    for (const message of awaitingOutput) noteSeen(ctx, peerId, message, "transcript");
    awaitingOutput = [];
    if (fact.endsTurn) isTurnOver = true;
  }

  function noteMode(ctx: Context, mode: string): void {
    const peer = ctx.tx.peers.get(peerId);
    if (peer && peer.permission_mode !== mode) {
      ctx.tx.peers.put({ ...peer, permission_mode: mode });
      ctx.stirred.add(peerId);
    }
  }

  async function awaitTurnEnd(messages: readonly MessageId[], text: string): Promise<boolean> {
    const isThere = () =>
      isTurnOver &&
      lastText.trim() === text.trim() &&
      messages.every((message) => inputs.some((input) => input.type === "delivery" && input.message === message));
    const deadline = Date.now() + TURN_END_WAIT_MS;
    for (;;) {
      await catchUp();
      if (isThere()) return true;
      if (Date.now() >= deadline) return false;
      await Bun.sleep(TURN_END_LOOK_MS);
    }
  }

  /** Where no Stop hook tells that a turn is over, the transcript does; nothing can be reminded then. */
  function endWithoutHooks(ctx: Context): void {
    isTurnOver = true;
    if (ctx.tx.peers.get(peerId)?.capabilities.includes("hooks")) return;
    endTurn(ctx, peerId, {
      outcome: "done",
      text: lastText,
      inputs: [...inputs],
      wasContinued: false,
      canRemind: false,
    });
  }

  return {
    peer: peerId,
    pid,
    configDir,
    refresh,
    useTranscript(file) {
      named = file;
    },
    catchUp,
    turnInputs: () => [...inputs],
    awaitTurnEnd,
    lastLimit: () => limit,
    mayBeSubagent(toolUseId) {
      const current = transcript();
      if (!current) return true;
      if (!hasSubagents(current.file)) return false;
      return toolUseId === undefined || !toolUses.includes(toolUseId);
    },
    get version() {
      return record?.version;
    },
    close() {
      if (inboxRoute) inbox.removeRoute(inboxRoute);
    },
  };
}
