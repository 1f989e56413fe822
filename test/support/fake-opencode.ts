import type { OpenCode, Prompt, SessionInfo, StoredMessage } from "../../plugins/opencode/api.ts";

/** For tests: an OpenCode that stores what it is given and does what it is told to. */
export interface FakeOpenCode extends OpenCode {
  sessions: Map<string, SessionInfo>;
  prompts: { session: string; prompt: Prompt; id: string }[];
  working: Set<string>;
  toasts: string[];
  shown: string[];
  /** Thrown by the next prompt. */
  refuseNext?: Error;
  store(
    session: string,
    info: Partial<StoredMessage["info"]> & { role: string },
    text: string,
    metadata?: Record<string, unknown>,
  ): string;
}

export function fakeOpenCode(): FakeOpenCode {
  const stored = new Map<string, StoredMessage[]>();
  let count = 0;
  const fake: FakeOpenCode = {
    sessions: new Map(),
    prompts: [],
    working: new Set(),
    toasts: [],
    shown: [],
    session: async (id) => fake.sessions.get(id),
    messages: async (id, newest) => structuredClone((stored.get(id) ?? []).slice(-(newest ?? 0))),
    busy: async () => new Set(fake.working),
    async prompt(session, prompt) {
      const refusal = fake.refuseNext;
      fake.refuseNext = undefined;
      if (refusal) throw refusal;
      const id = fake.store(session, { role: "user", agent: prompt.agent }, "");
      stored
        .get(session)
        ?.at(-1)
        ?.parts.splice(0, 1, ...prompt.parts);
      fake.prompts.push({ session, prompt, id });
      if (!prompt.noReply) fake.working.add(session);
    },
    async createSession() {
      const id = `ses_made${++count}`;
      fake.sessions.set(id, { id });
      return id;
    },
    showSession: async (id) => void fake.shown.push(id),
    defaultAgent: async () => "build",
    toast: async (message) => void fake.toasts.push(message),
    replyPermission: async () => true,
    log: () => {},
    store(session, info, text, metadata) {
      if (!fake.sessions.has(session)) fake.sessions.set(session, { id: session });
      const id = `msg_${++count}`;
      const message: StoredMessage = {
        info: { id, time: { created: count }, ...info },
        parts: [{ type: "text", text, metadata }],
      };
      stored.set(session, [...(stored.get(session) ?? []), message]);
      return id;
    },
  };
  return fake;
}
