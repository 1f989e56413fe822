import { closeSync, fstatSync, readSync } from "node:fs";
import { z } from "zod";
import { openRegular } from "../../platform/read-small.ts";

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

export interface HookFrame {
  handle: string;
  /** The model produced something after it. */
  isSeen: boolean;
}

const Item = z.object({
  type: z.literal("response_item"),
  payload: z.looseObject({
    type: z.string(),
    role: z.string().optional(),
    content: z
      .array(z.looseObject({ text: z.string().optional() }))
      .optional()
      .catch(undefined),
  }),
});

const FRAME = /<channel source="repowire" kind="[a-z]+" id="([a-z0-9]{5})"/g;

/** Frames of ours that hooks put into the thread's context: developer messages, which neither users nor peers can write. */
export function hookFrames(rolloutTail: string): HookFrame[] {
  const frames: HookFrame[] = [];
  for (const line of rolloutTail.split("\n")) {
    if (!line.includes('"response_item"')) continue;
    const parsed = Item.safeParse(parseLine(line));
    if (!parsed.success) continue;
    const { payload } = parsed.data;
    if (payload.role === "developer")
      for (const part of payload.content ?? [])
        for (const match of (part.text ?? "").matchAll(FRAME))
          if (match[1]) frames.push({ handle: match[1], isSeen: false });
    if (payload.role === "assistant" || payload.type === "reasoning" || payload.type.endsWith("_call"))
      for (const frame of frames) frame.isSeen = true;
  }
  return frames;
}

/**
 * Whether a tool runs at the end of this rollout: the model has called it and its result is not there. While the model itself is
 * at work every call before has its result. (The list of turns shows an item only once it is complete; 0.169.0.)
 */
export function isInTool(rolloutTail: string): boolean {
  const open = new Set<string>();
  for (const line of rolloutTail.split("\n")) {
    if (line.includes('"task_started"') && TaskStarted.safeParse(parseLine(line)).success) open.clear();
    if (!line.includes('"call_id"') || !line.includes('"response_item"')) continue;
    const parsed = Called.safeParse(parseLine(line));
    if (!parsed.success) continue;
    const { type, call_id: id } = parsed.data.payload;
    if (type.endsWith("_call")) open.add(id);
    else if (type.endsWith("_output")) open.delete(id);
  }
  return open.size > 0;
}

const TURN_EVENTS = new Set(["task_started", "task_complete", "turn_aborted"]);

/** Whether a turn is under way at the end of this rollout. */
export function turnState(rolloutTail: string): "busy" | "idle" {
  for (const line of rolloutTail.split("\n").reverse()) {
    if (!line.includes('"event_msg"')) continue;
    const parsed = TurnEvent.safeParse(parseLine(line));
    if (parsed.success && TURN_EVENTS.has(parsed.data.payload.type))
      return parsed.data.payload.type === "task_started" ? "busy" : "idle";
  }
  return "idle";
}

const TurnEvent = z.object({ type: z.literal("event_msg"), payload: z.object({ type: z.string() }) });
const TaskStarted = z.object({ type: z.literal("event_msg"), payload: z.object({ type: z.literal("task_started") }) });
const Called = z.object({
  type: z.literal("response_item"),
  payload: z.object({ type: z.string(), call_id: z.string() }),
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
    handle = openRegular(file);
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
