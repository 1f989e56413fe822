import type { Envelope } from "../../src/protocol/index.ts";
import { openCodeNote } from "../../src/words/index.ts";

/**
 * Notes beside a running turn. One is added to the newest tool result on its way to the model: the model reads it with its next
 * step, nothing is stored, no turn is merged. Each stays at its place in every later call, so that the prompt stays the same.
 */
export interface Notes {
  /** Puts what waits into these messages; returns what the model reads now for the first time. */
  weave(messages: ModelMessage[], waiting: readonly Envelope[]): Envelope[];
}

/** As `experimental.chat.messages.transform` gives them (1.18.33). */
export interface ModelMessage {
  info: { role: string; sessionID: string };
  parts: { id: string; type: string; state?: { status: string; output?: string } }[];
}

const PLACES_MAX = 200;

export function createNotes(): Notes {
  const places = new Map<string, string>();
  return {
    weave(messages, waiting) {
      const last = messages.at(-1);
      const newest = last?.info.role === "assistant" ? results(last).at(-1) : undefined;
      const isPlaced = newest !== undefined && waiting.length > 0;
      if (isPlaced) {
        const text = [places.get(newest.id), ...waiting.map(openCodeNote)].filter(Boolean).join("\n\n");
        places.set(newest.id, text);
        for (const old of [...places.keys()].slice(0, Math.max(0, places.size - PLACES_MAX))) places.delete(old);
      }
      for (const part of messages.flatMap(results)) {
        const text = places.get(part.id);
        if (text && part.state) part.state.output = `${part.state.output ?? ""}\n\n${text}`;
      }
      return isPlaced ? [...waiting] : [];
    },
  };
}

function results(message: ModelMessage): ModelMessage["parts"] {
  return message.parts.filter((part) => part.type === "tool" && part.state?.status === "completed");
}
