import { connectLink, type Link, linkUrl, reachDaemon, throughLink } from "../../src/client/index.ts";
import { checkoutState } from "../../src/platform/checkout.ts";
import { type Report, VERSION } from "../../src/protocol/index.ts";
import { OPENCODE_TOOLS, openCodeStillOpen, sessionStartLine } from "../../src/words/index.ts";
import { createActivity } from "./activity.ts";
import { markOf, type OpenCode, type UserPick } from "./api.ts";
import { createCarried } from "./carried.ts";
import { createConversations } from "./conversations.ts";
import type { PluginEvent } from "./events.ts";
import { createMail } from "./mail.ts";
import { createNotes, type ModelMessage } from "./notes.ts";
import { ownTurns } from "./own-turns.ts";
import type { StartedAs } from "./process-kind.ts";
import { followScreen } from "./screen.ts";
import { claimOf } from "./session-claim.ts";
import type { ToolParts } from "./tools.ts";

/** One seat of the mesh: this process and one folder, however often OpenCode starts the plugin there. */
export interface Seat {
  readonly tools: ToolParts;
  /** The client of the newest start: the older one's may be disposed. */
  use(api: OpenCode): void;
  onEvent(event: PluginEvent): Promise<void>;
  /** A user message is about to be stored. */
  onPrompt(session: string, pick: UserPick, parts: readonly { metadata?: unknown }[]): Promise<void>;
  /** A tool of any of its sessions is about to use these files. */
  onFiles(used: { writes: string[]; reads: string[] }): void;
  weaveNotes(messages: ModelMessage[]): void;
  /** What the model is told of its place in the mesh; undefined while it has none. */
  systemLine(): string | undefined;
  stillOpen(session: string): string | undefined;
  close(): void;
}

export interface SeatParts {
  folder: string;
  home: string;
  startedAs: StartedAs;
  env: Record<string, string | undefined>;
  api: OpenCode;
}

/** Below this a wait for the model's service is a hiccup of seconds, not a usage limit. */
const LIMIT_MS = 30_000;

export function createSeat(parts: SeatParts): Seat {
  let api = parts.api;
  let link: Link | undefined;
  let conversation: string | undefined;
  let line: string | undefined;
  let hasStarted = false;
  let hasReleased = false;

  const report = (what: Report) => link?.report(what);
  const activity = createActivity(report);
  const carried = createCarried(report);
  const notes = createNotes();
  const conversations = createConversations({
    api: () => api,
    startedAs: parts.startedAs,
    onChange: () => {
      follow();
      mail.look();
    },
  });
  const mail = createMail({
    api: () => api,
    choose: conversations.choose,
    pickOf: conversations.pickOf,
    isBusy: activity.isBusy,
    markBusy: activity.busy,
    onMade: conversations.onMade,
    onConversation: changeTo,
    report,
    peerName: () => link?.welcome?.peer.name ?? "The peer",
  });

  function changeTo(session: string): void {
    if (conversation === session) return;
    conversation = session;
    report({ type: "conversation", conversation: session });
    activity.tell(session);
  }

  /** The mesh hears of another conversation when nothing open binds it to the old one. */
  function follow(): void {
    const choice = conversations.choose();
    if (choice.type === "session" && !mail.holdsConversation) changeTo(choice.id);
  }

  /** The root session that this one belongs to, which is what peers see. */
  const rootOf = async (session: string) => (await conversations.rootOf(session)) ?? session;

  link = connectLink({
    locate: async (mayStart) => {
      // At most one start of the daemon for each start of this process, and only through the installed launcher.
      const wantsStart = mayStart && !hasStarted;
      hasStarted = true;
      const address = await reachDaemon(parts.home, wantsStart);
      return { url: linkUrl(address), token: address.token };
    },
    session: () => claimOf(parts.folder, parts.env, conversation),
    client: { name: "plugin-opencode", version: VERSION },
    capabilities: ["relay_permissions", "own_turns"],
    onDeliver: (items) => mail.take(items),
    onCancel: (message) => mail.cancel(message),
    onVerdict: ({ request, behavior, reason }) => {
      void api
        .replyPermission(request, behavior === "allow" ? "once" : "reject", behavior === "deny" ? reason : undefined)
        .catch((error) => api.log(`a verdict could not be passed on: ${String(error)}`));
    },
    onTurns: () => ownTurns(api, conversations.choose()),
    onState: (state, detail) => {
      if (state === "online") onOnline();
      else if (state === "refused") api.log(`repowire refused this session: ${detail ?? ""}`);
    },
  });
  link.ready();
  const screen = followScreen((route) => guard(conversations.onScreen(route)));

  function onOnline(): void {
    // Another process of this seat may have held something back; what this one holds it tells by itself.
    if (!hasReleased) report({ type: "released" });
    hasReleased = true;
    activity.tell(conversation, true);
    const welcome = link?.welcome;
    if (!welcome) return;
    const { name, circle, unread } = welcome.peer;
    const { online, total } = welcome.mesh;
    line = sessionStartLine({ name, circle, online, total, open: [], unread }, OPENCODE_TOOLS.reply);
  }

  function guard(work: Promise<unknown>): void {
    work.catch((error) => api.log(`repowire: ${String(error)}`));
  }

  async function onWaits(session: string, request: string, detail: string): Promise<void> {
    activity.wait(await rootOf(session), request, detail);
    activity.tell(conversation);
  }

  function onWaitOver(request: string): void {
    link?.withdrawPermission(request);
    activity.waitIsOver(request);
    activity.tell(conversation);
  }

  async function onIdle(session: string): Promise<void> {
    // Requests of a session that moved on are void (an abort leaves its dialog behind).
    for (const request of activity.waitsOf(session)) onWaitOver(request);
    activity.idle(session);
    await mail.onIdle(session);
    follow();
    activity.tell(conversation);
    mail.look();
  }

  async function onEvent(event: PluginEvent): Promise<void> {
    const { session } = event;
    switch (event.type) {
      case "created":
        return conversations.onCreated(session, event.parent);
      case "updated":
        if (!event.isReverted && !activity.isBusy(session)) mail.look();
        return;
      case "deleted":
        activity.forget(session);
        mail.onDeleted(session);
        return conversations.onDeleted(session);
      case "compacted":
        return mail.onCompacted(session);
      case "busy":
        activity.busy(session);
        return activity.tell(conversation);
      case "retry":
        activity.busy(session);
        mail.onRetry(session);
        if (session === conversation && event.next !== undefined && event.next - Date.now() > LIMIT_MS) {
          activity.untold();
          report({ type: "limited", until: Math.round(event.next), text: event.message.slice(0, 500) });
        }
        return;
      case "idle":
        return onIdle(session);
      case "error":
        return mail.onError(session, event.error);
      case "message":
        if (event.role === "assistant") return mail.onModelMessage(session, event.id, event.parent);
        return;
      case "part":
        return onPart(event);
      case "permission":
        link?.requestPermission({
          request: event.id,
          tool: event.tool,
          description: event.what.slice(0, 2_000),
          preview: event.preview.slice(0, 19_000),
        });
        return onWaits(session, event.id, event.tool);
      case "permission_done":
        if (event.reply === "reject") mail.onPermissionRefused(await rootOf(session));
        return onWaitOver(event.id);
      case "question":
        return onWaits(session, event.id, `question: ${event.what}`);
      case "question_done":
        return onWaitOver(event.id);
      default:
        event satisfies never;
    }
  }

  function onPart({ session, message, part }: Extract<PluginEvent, { type: "part" }>): void {
    const mark = markOf(part);
    if (part.type === "text" && mark) mail.onStored(session, mark.id, message);
    else if (part.type === "tool" && part.state?.status === "completed")
      carried.onToolDone(session, part.callID, message);
    else if (part.type === "step-finish") {
      carried.onStep(session, message);
      mail.onModelStep(session, message);
    }
  }

  return {
    tools: {
      mesh: () => throughLink(() => link),
      isSubagent: conversations.isSubagent,
      folder: () => parts.folder,
      checkout: () => checkoutState(parts.folder),
      onCarried: carried.add,
      onResult(session, operation, args, output) {
        if (operation === "reply" && args.outcome !== "progress") mail.onReplied(String(args.id));
        const asked =
          operation === "ask" && "state" in output && output.state !== "started" && output.state !== "needs_approval"
            ? output
            : "outcome" in output && typeof output.outcome === "object"
              ? output.outcome
              : undefined;
        const several = "not_asked" in output ? output.asked.map(({ outcome }) => outcome) : [];
        for (const one of asked ? [asked] : several)
          mail.onOwnAsk(session, one.id, one.state === "pending" || one.state === "asked_first");
      },
      onFault: (error) =>
        api.log(`repowire: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
    },
    use(next) {
      api = next;
    },
    onEvent,
    async onPrompt(session, pick, given) {
      if (given.some((part) => markOf(part) !== undefined)) return;
      await conversations.onHumanPrompt(session, pick);
    },
    onFiles: (used) => link?.files(used),
    weaveNotes(messages) {
      const session = messages.at(-1)?.info.sessionID;
      if (session === undefined) return;
      const woven = notes.weave(messages, mail.notesFor(session));
      if (woven.length === 0) return;
      mail.noted(session, woven);
      const names = [...new Set(woven.map((item) => item.from.name))].join(", ");
      guard(api.toast(`A note from ${names} was given to the model.`));
    },
    systemLine: () => line,
    stillOpen(session) {
      const open = mail.openIn(session);
      return open.length > 0 ? openCodeStillOpen(open) : undefined;
    },
    close() {
      screen.close();
      link?.close();
    },
  };
}
