import type { Envelope } from "../../src/protocol/index.ts";
import { OPENCODE_TOOLS, openCodeInstruction, openCodeText, reminderText } from "../../src/words/index.ts";
import type { PromptPart } from "./api.ts";

/** What a prompt of ours is made of: for each message a part that the person sees, with our mark, and one that only the model reads. */
export function promptParts(items: readonly Envelope[]): PromptPart[] {
  const shown = items.map(
    (item): PromptPart => ({
      type: "text",
      text: openCodeText(item),
      metadata: { repowire: { id: item.message, kind: item.kind } },
    }),
  );
  return [...shown, { type: "text", text: openCodeInstruction(items), synthetic: true }];
}

export const reminderPart = (ask: Envelope): PromptPart => ({
  type: "text",
  text: reminderText(ask.handle, ask.from.name, OPENCODE_TOOLS.reply),
  metadata: { repowire: { id: ask.message, kind: ask.kind } },
});
