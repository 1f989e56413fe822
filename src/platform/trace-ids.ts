import type { TraceContext } from "../protocol/tracing.ts";

const hex = (bytes: number): string => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");

export const newSpanId = (): string => hex(8);
/** The first span of a new trace. */
export const newTrace = (): TraceContext => ({ trace: hex(16), span: newSpanId() });

/** Epoch milliseconds with fractions, of a clock that all processes of this machine share: hand-overs take less than one. */
export const preciseNow = (): number => performance.timeOrigin + performance.now();
