import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { z } from "zod";

/** What the end of a thread's rollout file tells that the control socket does not (codex-cli 0.169.0). */

const Window = z.object({ used_percent: z.number(), resets_at: z.number().nullish() }).nullish();
const TokenCount = z.object({
  type: z.literal("event_msg"),
  payload: z.object({
    type: z.literal("token_count"),
    rate_limits: z.object({ primary: Window, secondary: Window }).nullish(),
  }),
});

const TAIL_BYTES = 262_144;

/** Until when the usage limit lasts that was reached last; epoch milliseconds. */
export function limitUntil(rolloutTail: string): number | undefined {
  for (const line of rolloutTail.split("\n").reverse()) {
    if (!line.includes('"token_count"')) continue;
    const parsed = TokenCount.safeParse(parseLine(line));
    const limits = parsed.success ? parsed.data.payload.rate_limits : undefined;
    if (!limits) continue;
    const full = [limits.primary, limits.secondary].flatMap((window) =>
      window?.resets_at && window.used_percent >= 100 ? [window.resets_at] : [],
    );
    if (full.length > 0) return Math.max(...full) * 1_000;
    return undefined;
  }
  return undefined;
}

/** Whether the context of hooks in this thread holds the frame with this handle: the message that a hook carried is with the model. */
export function hookContexts(rolloutTail: string): string[] {
  return rolloutTail.split("\n").flatMap((line) => {
    if (!line.includes("<channel source=")) return [];
    const parsed = HookContext.safeParse(parseLine(line));
    return parsed.success ? parsed.data.payload.content.flatMap((part) => part.text ?? []) : [];
  });
}

const HookContext = z.object({
  type: z.literal("response_item"),
  payload: z.object({
    type: z.literal("message"),
    role: z.literal("developer"),
    content: z.array(z.object({ text: z.string().optional() })),
  }),
});

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // The first line of a tail is mostly half a line.
    return undefined;
  }
}

export function readTail(file: string): string {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch {
    // Made with the thread's first turn.
    return "";
  }
  try {
    const { size } = fstatSync(handle);
    const from = Math.max(0, size - TAIL_BYTES);
    const buffer = Buffer.alloc(size - from);
    const read = readSync(handle, buffer, 0, buffer.length, from);
    return buffer.toString("utf8", 0, read);
  } finally {
    closeSync(handle);
  }
}
