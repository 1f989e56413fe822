import { z } from "zod";

const PartHealth = z.object({ ok: z.boolean(), detail: z.string().optional() });

/** The truth about each part; `ok` only when all parts are. Says nothing private without a credential. */
export const Health = z.object({
  ok: z.boolean(),
  service: z.literal("repowire"),
  version: z.string(),
  protocol: z.number().int(),
  instance: z.string(),
  pid: z.number().int(),
  started_at: z.number().int(),
  parts: z.record(z.string(), PartHealth).optional(),
  counts: z.record(z.string(), z.number()).optional(),
});
export type Health = z.infer<typeof Health>;

/** A link's code, traded once for a login. */
export const LoginRequest = z.strictObject({ code: z.string().min(1).max(200) });
/** The page's own half of the login; the other one is the cookie. */
export const LoginReply = z.object({ page: z.string(), expires_at: z.number().int() });
export type LoginReply = z.infer<typeof LoginReply>;
