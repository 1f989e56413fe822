import { z } from "zod";
import type { PeerSpec } from "./driver.ts";

/** What passes between the suite and the process of one peer. */
export const PeerSetup = z.object({
  driver: z.string(),
  spec: z.custom<PeerSpec>(),
  journals: z.string(),
  run: z.string(),
});
export type PeerSetup = z.infer<typeof PeerSetup>;

/** Many peers in one process, named after the run. */
export const CrowdSetup = PeerSetup.extend({ size: z.number(), atOnce: z.number() });
export type CrowdSetup = z.infer<typeof CrowdSetup>;

export const PeerCommand = z.object({
  n: z.string(),
  kind: z.enum(["ask", "notify", "broadcast"]),
  to: z.string(),
  urgency: z.string(),
  waitSeconds: z.number(),
  bytes: z.number(),
  /** This many at once, numbered `n-i`. */
  times: z.number(),
});
export type PeerCommand = z.infer<typeof PeerCommand>;

export type PeerEvent = { type: "ready"; name: string; linkPid: number | undefined } | { type: "done"; n: string };
