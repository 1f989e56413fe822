import { z } from "zod";

/**
 * OpenCode's own interface (1.x) as far as repowire uses it, behind one thin layer: what comes from there is checked here, and
 * nothing else knows its paths. Calls reject with a sentence where OpenCode refuses.
 */
export interface OpenCode {
  /** Undefined when there is no such session. */
  session(id: string): Promise<SessionInfo | undefined>;
  /** Oldest first; with `newest` only the last so many. */
  messages(id: string, newest?: number): Promise<StoredMessage[]>;
  /** The sessions that work now, or wait to try again. */
  busy(): Promise<Set<string>>;
  /** Stores a user message; unless `noReply`, the session works on it. Resolves when it is stored. */
  prompt(session: string, prompt: Prompt): Promise<void>;
  createSession(title: string): Promise<string>;
  /** Has the TUI show a session. */
  showSession(id: string): Promise<void>;
  defaultAgent(): Promise<string>;
  toast(message: string): Promise<void>;
  /** False when it was decided already. */
  replyPermission(id: string, reply: "once" | "reject", message: string | undefined): Promise<boolean>;
  /** Into OpenCode's own log. */
  log(message: string): void;
}

export const SessionInfo = z.object({
  id: z.string(),
  parentID: z.string().optional(),
  /** Set while messages are undone: the next prompt deletes them for good. */
  revert: z.unknown().optional(),
});
export type SessionInfo = z.infer<typeof SessionInfo>;

const ModelRef = z.object({ providerID: z.string(), modelID: z.string(), variant: z.string().optional() });

const Part = z.object({
  id: z.string().optional(),
  type: z.string(),
  text: z.string().optional(),
  synthetic: z.boolean().optional(),
  ignored: z.boolean().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  /** Of a call: which tool, and how it stands. */
  tool: z.string().optional(),
  state: z.unknown().optional(),
});
export type Part = z.infer<typeof Part>;

export const MessageInfo = z.object({
  id: z.string(),
  sessionID: z.string().optional(),
  role: z.string(),
  parentID: z.string().optional(),
  agent: z.string().optional(),
  model: ModelRef.optional().catch(undefined),
  finish: z.string().optional(),
  /** `true` on a compaction's summary; user messages carry an object there. */
  summary: z.unknown().optional(),
  error: z.unknown().optional(),
  time: z.object({ created: z.number(), completed: z.number().optional() }),
});

export const StoredMessage = z.object({ info: MessageInfo, parts: z.array(Part) });
export type StoredMessage = z.infer<typeof StoredMessage>;

/** What a session was last prompted with by its user. */
export interface UserPick {
  agent?: string;
  model?: { providerID: string; modelID: string };
  variant?: string;
}

export interface PromptPart {
  type: "text";
  text: string;
  synthetic?: boolean;
  metadata?: Record<string, unknown>;
}
export interface Prompt extends UserPick {
  parts: PromptPart[];
  noReply?: boolean;
}

/** The mark on a part of ours: proof of a delivery, in the very session that it was delivered to. */
const Mark = z.object({ id: z.string(), kind: z.string() });
export type Mark = z.infer<typeof Mark>;
export function markOf(part: { metadata?: unknown }): Mark | undefined {
  const metadata = z.object({ repowire: Mark }).safeParse(part.metadata);
  return metadata.data?.repowire;
}

/** The error of a message or event in one line. */
export const ErrorInfo = z.object({
  name: z.string(),
  data: z.object({ message: z.string().optional() }).optional().catch(undefined),
});
export const describeError = (error: z.infer<typeof ErrorInfo>): string =>
  error.data?.message ? `${error.name}: ${error.data.message}` : error.name;

const Answer = z.object({ data: z.unknown().optional(), error: z.unknown().optional() });
type Call = (options?: object) => Promise<unknown>;
/** The parts of the plugin's client that are called; what a path lacks goes through its raw half. */
export interface RawClient {
  session: Record<"get" | "messages" | "status" | "promptAsync" | "create", Call>;
  config: Record<"get", Call>;
  tui: Record<"showToast", Call>;
  app: Record<"log", Call>;
  _client: Record<"post", Call>;
}

const json = { "content-type": "application/json" };

export function openCode(client: RawClient): OpenCode {
  async function ask(what: string, answer: Promise<unknown>): Promise<unknown> {
    const { data, error } = Answer.parse(await answer);
    if (error !== undefined) throw new Error(`OpenCode refused ${what}: ${JSON.stringify(error).slice(0, 300)}`);
    return data;
  }

  return {
    async session(id) {
      const answer = Answer.parse(await client.session.get({ path: { id } }));
      return SessionInfo.safeParse(answer.data).data;
    },
    async messages(id, newest) {
      const query = newest === undefined ? {} : { query: { limit: newest } };
      const data = await ask("the messages", client.session.messages({ path: { id }, ...query }));
      // Its ids do not sort by time (they wrapped in 2026).
      return z
        .array(StoredMessage)
        .parse(data)
        .sort((a, b) => a.info.time.created - b.info.time.created);
    },
    async busy() {
      const data = await ask("the status", client.session.status());
      return new Set(Object.keys(z.record(z.string(), z.unknown()).parse(data)));
    },
    async prompt(session, prompt) {
      await ask("a prompt", client.session.promptAsync({ path: { id: session }, body: prompt }));
    },
    async createSession(title) {
      return SessionInfo.parse(await ask("a session", client.session.create({ body: { title } }))).id;
    },
    async showSession(id) {
      await ask(
        "to show a session",
        client._client.post({ url: "/tui/select-session", body: { sessionID: id }, headers: json }),
      );
    },
    async defaultAgent() {
      const config = z
        .object({ default_agent: z.string().optional() })
        .safeParse(await ask("its config", client.config.get()));
      return config.data?.default_agent ?? "build";
    },
    async toast(message) {
      await client.tui.showToast({ body: { title: "repowire", message, variant: "info", duration: 6_000 } });
    },
    async replyPermission(id, reply, message) {
      const body = message === undefined ? { reply } : { reply, message };
      const answer = Answer.parse(await client._client.post({ url: `/permission/${id}/reply`, body, headers: json }));
      return answer.error === undefined;
    },
    log(message) {
      void client.app.log({ body: { service: "repowire", level: "info", message } }).catch(() => {
        // Nowhere else may a plugin write: its output would land on the screen.
      });
    },
  };
}
