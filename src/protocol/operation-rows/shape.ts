import type { z } from "zod";
import type { Role } from "../peers.ts";

export interface ToolShape {
  name: string;
  /** Starts or ends something: setup never allows it by itself, each CLI asks its user. */
  isGuarded?: boolean;
  /** What the model reads: when to use it and when not. Its tokens are paid in every session. */
  description: string;
  input: z.ZodObject;
}

/** One row of the table. */
export interface OperationShape {
  purpose: string;
  input: z.ZodObject;
  output: z.ZodType;
  /** Roles that may call it; `decide` and its like also need a person's own credential (`human`). */
  callers: readonly Role[];
  human?: boolean;
  tool?: ToolShape;
}

export const EVERYONE = ["agent", "orchestrator", "human", "service"] as const;
export const PEOPLE = ["human"] as const;
