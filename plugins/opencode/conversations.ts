import type { OPENCODE_HOLDS } from "../../src/words/index.ts";
import { markOf, type OpenCode, type UserPick } from "./api.ts";
import type { ProcessKind, StartedAs } from "./process-kind.ts";

/**
 * The conversations below one seat: root sessions of OpenCode in this process and folder. Which of them gets a message is never
 * guessed: the one on the screen, else the one that its user prompted last in this process.
 */
export type Choice =
  | { type: "session"; id: string }
  /** The TUI stands at home and was never prompted: a session may be made and shown. */
  | { type: "create" }
  | { type: "hold"; why: keyof typeof OPENCODE_HOLDS };

/** What the screen shows; a session is the root session of what is shown. */
export interface ScreenRoute {
  name: string;
  session?: string;
}

export interface ConversationState {
  kind: ProcessKind;
  /** Undefined until the TUI plugin has spoken. */
  route?: ScreenRoute;
  /** The root session that its user prompted last in this process. */
  lastPrompted?: string;
}

export function chooseConversation({ kind, route, lastPrompted }: ConversationState): Choice {
  if (route?.session) return { type: "session", id: route.session };
  if (lastPrompted) return { type: "session", id: lastPrompted };
  if (kind !== "tui") return { type: "hold", why: "no_conversation" };
  // Without a word from the screen it may show any session of before: a new one would move it away from there.
  return route?.name === "home" ? { type: "create" } : { type: "hold", why: "screen_unknown" };
}

export interface Conversations {
  choose(): Choice;
  /** The root session of this one: itself, or the one whose subagent it is. Undefined where there is none. */
  rootOf(session: string): Promise<string | undefined>;
  isSubagent(session: string): Promise<boolean>;
  /** Agent, model and variant for an injection: those of its user's last prompt, never the default agent by omission. */
  pickOf(session: string): Promise<UserPick>;
  onScreen(route: ScreenRoute): Promise<void>;
  onHumanPrompt(session: string, pick: UserPick): Promise<void>;
  onCreated(session: string, parent: string | undefined): void;
  onDeleted(session: string): void;
  /** Made by us for a TUI at home. */
  onMade(session: string): void;
}

export function createConversations(parts: { api(): OpenCode; startedAs: StartedAs; onChange(): void }): Conversations {
  const { startedAs } = parts;
  const parents = new Map<string, string | undefined>();
  const picks = new Map<string, UserPick>();
  /** In the order of the last prompt, newest last. */
  let prompted: string[] = [];
  let route: ScreenRoute | undefined;

  async function parentOf(session: string): Promise<string | undefined> {
    if (parents.has(session)) return parents.get(session);
    const info = await parts.api().session(session);
    if (info) parents.set(session, info.parentID);
    return info?.parentID;
  }

  async function rootOf(session: string): Promise<string | undefined> {
    // Subagents may have subagents; a chain is short.
    let at = session;
    for (let depth = 0; depth < 16; depth++) {
      const parent = await parentOf(at);
      if (parent === undefined) return parents.has(at) ? at : undefined;
      at = parent;
    }
    return undefined;
  }

  async function storedPick(session: string): Promise<UserPick | undefined> {
    const stored = await parts.api().messages(session);
    const last = stored.findLast(
      ({ info, parts: own }) => info.role === "user" && info.agent !== undefined && !own.some((part) => markOf(part)),
    );
    if (!last) return undefined;
    const { agent, model } = last.info;
    return {
      agent,
      model: model && { providerID: model.providerID, modelID: model.modelID },
      variant: model?.variant,
    };
  }

  /** What a session of this very process would begin with. */
  async function firstPick(): Promise<UserPick> {
    const [providerID, ...rest] = startedAs.model?.split("/") ?? [];
    const modelID = rest.join("/");
    return {
      agent: startedAs.agent ?? (await parts.api().defaultAgent()),
      model: providerID && modelID ? { providerID, modelID } : undefined,
    };
  }

  return {
    choose: () => chooseConversation({ kind: startedAs.kind, route, lastPrompted: prompted.at(-1) }),
    rootOf,
    isSubagent: async (session) => (await parentOf(session)) !== undefined,
    async pickOf(session) {
      const known = picks.get(session) ?? (await storedPick(session)) ?? (await firstPick());
      picks.set(session, known);
      return known;
    },
    async onScreen(next) {
      const session = next.session === undefined ? undefined : await rootOf(next.session);
      route = { name: next.name, session };
      parts.onChange();
    },
    async onHumanPrompt(session, pick) {
      if ((await parentOf(session)) !== undefined) return;
      parents.set(session, undefined);
      picks.set(session, pick);
      prompted = [...prompted.filter((other) => other !== session), session];
      parts.onChange();
    },
    onCreated: (session, parent) => void parents.set(session, parent),
    onDeleted(session) {
      parents.delete(session);
      picks.delete(session);
      prompted = prompted.filter((other) => other !== session);
      if (route?.session === session) route = undefined;
      parts.onChange();
    },
    onMade(session) {
      parents.set(session, undefined);
      prompted = [...prompted, session];
    },
  };
}
