import type { z } from "zod";
import { Handle, MessageId, PeerId } from "./ids.ts";
import { AskState } from "./moves.ts";
import { DAEMON_OPERATIONS } from "./operation-rows/daemon.ts";
import { LATER_OPERATIONS } from "./operation-rows/later.ts";
import { MESH_OPERATIONS } from "./operation-rows/mesh.ts";
import { RECORD_OPERATIONS } from "./operation-rows/records.ts";
import { SESSION_OPERATIONS } from "./operation-rows/sessions.ts";
import type { OperationShape, ToolShape } from "./operation-rows/shape.ts";
import { TOOL_OPERATION_ROWS } from "./operation-rows/tools.ts";

/**
 * Every operation, once. The link, the HTTP API, the MCP tools and the CLI are typed by this table, and `Mesh` is derived from
 * it, so they cannot drift apart.
 */
export const OPERATIONS = {
  ...TOOL_OPERATION_ROWS,
  ...SESSION_OPERATIONS,
  ...MESH_OPERATIONS,
  ...LATER_OPERATIONS,
  ...RECORD_OPERATIONS,
  ...DAEMON_OPERATIONS,
} as const satisfies Record<string, OperationShape>;

export type OperationName = keyof typeof OPERATIONS;
export const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[];
export const isOperation = (name: string): name is OperationName => Object.hasOwn(OPERATIONS, name);

export type OperationInput<Name extends OperationName> = z.input<(typeof OPERATIONS)[Name]["input"]>;
export type OperationParams<Name extends OperationName> = z.output<(typeof OPERATIONS)[Name]["input"]>;
export type OperationOutput<Name extends OperationName> = z.output<(typeof OPERATIONS)[Name]["output"]>;

/** Names of the operations that models see as tools. */
export type ToolOperation = {
  [Name in OperationName]: (typeof OPERATIONS)[Name] extends { tool: ToolShape } ? Name : never;
}[OperationName];
export const TOOL_OPERATIONS = OPERATION_NAMES.filter((name): name is ToolOperation => "tool" in OPERATIONS[name]);

export interface CallOptions {
  /** Ends the caller's wait; the ask lives on. (A link's caller that is interrupted also withdraws it.) */
  signal?: AbortSignal;
  /** One interim line of the recipient while an ask waits. */
  onProgress?: (text: string) => void;
  /** The runtime's own id of the tool call, where it has one. */
  toolUseId?: string;
  /** The runtime says that a subagent makes this call (`true`) or that the session itself does (`false`). */
  subagent?: boolean;
}

/** The one driving port: everything a peer can do. The client implements it over a link or HTTP, the daemon in process. */
export type Mesh = {
  [Name in OperationName]: (input: OperationInput<Name>, options?: CallOptions) => Promise<OperationOutput<Name>>;
};

/** Keeps ids referenced from the docs generator. */
export const ID_SCHEMAS = { peer: PeerId, message: MessageId, handle: Handle, ask_state: AskState } as const;
