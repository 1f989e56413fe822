import { z } from "zod";
import { OPERATIONS, TOOL_OPERATIONS, type ToolOperation } from "../protocol/index.ts";

/** A tool as `tools/list` shows it. Every token of it is paid in every session. */
export interface ToolListing {
  name: string;
  description: string;
  inputSchema: { type: "object"; properties: Record<string, unknown>; required?: string[] };
  _meta?: Record<string, unknown>;
}

/** What tells a model nothing it needs; the limits stand in the error that names them. */
const LEFT_OUT = new Set([
  "$schema",
  "maxLength",
  "minLength",
  "pattern",
  "minimum",
  "maximum",
  "additionalProperties",
  "format",
]);

function shorten(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(shorten);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => !LEFT_OUT.has(key))
      .map(([key, value]) => [key, shorten(value)]),
  );
}

export function listTools(meta?: Record<string, unknown>): ToolListing[] {
  return TOOL_OPERATIONS.map((operation) => {
    const { tool } = OPERATIONS[operation];
    // The table's inputs are objects, so their JSON schemas are too.
    const schema = shorten(z.toJSONSchema(tool.input, { io: "input" })) as ToolListing["inputSchema"];
    return { name: tool.name, description: tool.description, inputSchema: schema, ...(meta ? { _meta: meta } : {}) };
  });
}

export function operationOfTool(name: string): ToolOperation | undefined {
  return TOOL_OPERATIONS.find((operation) => OPERATIONS[operation].tool.name === name);
}

/** What a tool may be given; unknown arguments are refused with their names. */
export const toolInput = (operation: ToolOperation) => OPERATIONS[operation].tool.input;
