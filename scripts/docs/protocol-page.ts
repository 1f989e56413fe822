import { z } from "zod";
import {
  APPROVAL_MOVES,
  ASK_MOVES,
  CLOSE,
  DAEMON_METHODS,
  DELIVERY_MOVES,
  ERRORS,
  EventType,
  HTTP_PATHS,
  LIMIT_TABLE,
  LINK_METHODS,
  OPERATIONS,
  PROTOCOL_VERSIONS_UNDERSTOOD,
} from "../../src/protocol/index.ts";

/** docs/protocol.md, made from the tables in src/protocol. */
export function protocolPage(): string {
  return [
    "# Protocol",
    "",
    "Made from `src/protocol` by `npm run docs`; do not edit by hand.",
    "",
    `Protocol versions understood: ${PROTOCOL_VERSIONS_UNDERSTOOD.join(", ")}. Unknown fields are ignored, unknown arguments of an operation are refused with their names. Names on the wire are in snake_case, instants in epoch milliseconds.`,
    "",
    ...operations(),
    ...link(),
    ...http(),
    ...moves(),
    ...events(),
    ...errors(),
    ...limits(),
  ].join("\n");
}

function operations(): string[] {
  const rows = Object.entries(OPERATIONS).map(([name, operation]) => {
    const tool = "tool" in operation ? `\`${operation.tool.name}\`` : "";
    const callers =
      "human" in operation ? "a person" : operation.callers.length === 4 ? "all" : operation.callers.join(", ");
    return `| \`${name}\` | ${tool} | ${callers} | ${operation.purpose} |`;
  });
  const details = Object.entries(OPERATIONS).flatMap(([name, operation]) => [
    `### ${name}`,
    "",
    "Input:",
    "",
    ...fields(operation.input),
    "",
    "Output:",
    "",
    ...jsonSchema(operation.output),
    "",
  ]);
  return [
    "## Operations",
    "",
    "Defined once in the operations table and served four ways: over the link (method of the same name), over HTTP (`POST /v1/NAME` with the input as JSON), as MCP tools, and by the command line.",
    "",
    "| operation | tool | who may call it | what it does |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
    ...details,
  ];
}

interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  description?: string;
  pattern?: string;
  maxLength?: number;
}

const schemaOf = (type: z.ZodType, io: "input" | "output"): Schema =>
  z.toJSONSchema(type, { io, unrepresentable: "any" }) as Schema;

function fields(type: z.ZodType): string[] {
  const schema = schemaOf(type, "input");
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0) return ["none"];
  return properties.map(
    ([name, field]) =>
      `- \`${name}\`${schema.required?.includes(name) ? "" : "?"}: ${typeName(field)}${field.description ? ` (${field.description})` : ""}`,
  );
}

function typeName(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(" / ");
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return options.map(typeName).join(" or ");
  if (schema.type === "array") return `list of ${typeName(schema.items ?? {})}`;
  if (schema.type === "object" && schema.properties) return `{ ${Object.keys(schema.properties).join(", ")} }`;
  return Array.isArray(schema.type) ? schema.type.join(" or ") : (schema.type ?? "any");
}

/** Alternatives one below the other, each with its fields. */
function jsonSchema(type: z.ZodType): string[] {
  const schema = schemaOf(type, "output");
  const alternatives = schema.oneOf ?? schema.anyOf ?? [schema];
  return alternatives.map((alternative) => {
    const parts = Object.entries(alternative.properties ?? {}).map(
      ([name, field]) => `\`${name}\`${alternative.required?.includes(name) ? "" : "?"}: ${typeName(field)}`,
    );
    return `- ${parts.join("; ")}`;
  });
}

function link(): string[] {
  const row = ([name, method]: [string, { purpose: string; params: z.ZodType }]) =>
    `| \`${name}\` | ${Object.keys(schemaOf(method.params, "input").properties ?? {})
      .map((key) => `\`${key}\``)
      .join(", ")} | ${method.purpose} |`;
  return [
    "## The link",
    "",
    `JSON-RPC 2.0 over a WebSocket at \`${HTTP_PATHS.link}\`, requests both ways. The first request is \`hello\`. A result is sent only after what it says was committed.`,
    "",
    "From the session's side, beside every operation under its own name:",
    "",
    "| method | parameters | purpose |",
    "| --- | --- | --- |",
    ...Object.entries(LINK_METHODS).map(row),
    "",
    "From the daemon:",
    "",
    "| method | parameters | purpose |",
    "| --- | --- | --- |",
    ...Object.entries(DAEMON_METHODS).map(row),
    "",
    "Close codes: 44xx stay away (but for the time-out of hello), 45xx come back.",
    "",
    "| code | meaning |",
    "| --- | --- |",
    ...Object.entries(CLOSE).map(([name, code]) => `| ${code} | ${name} |`),
    "",
  ];
}

function http(): string[] {
  return [
    "## HTTP",
    "",
    "On 127.0.0.1 only. Every request carries `Authorization: Bearer` with the token of `~/.repowire/token`; `Host` and `Origin` are checked. Errors are `application/problem+json` with `code` and `retryable`.",
    "",
    "| address | what |",
    "| --- | --- |",
    "| `POST /v1/NAME` | the operation of that name |",
    `| \`GET ${HTTP_PATHS.events}\` | committed events as they happen (server-sent events); \`Last-Event-ID\` or \`?after=\` resumes |`,
    `| \`GET ${HTTP_PATHS.health}\` | without a token: that it is there; with one: the truth about each part |`,
    `| \`GET ${HTTP_PATHS.metrics}\` | numbers for Prometheus ([observability.md](observability.md)) |`,
    `| \`GET ${HTTP_PATHS.openApi}\`, \`GET ${HTTP_PATHS.docs}\` | all of this as an OpenAPI document, and as a page; without a token |`,
    `| \`${HTTP_PATHS.mcp}\` | the tools over MCP's streamable HTTP |`,
    `| \`${HTTP_PATHS.link}\` | the link |`,
    `| \`POST ${HTTP_PATHS.hookReport("RUNTIME")}\`, \`POST ${HTTP_PATHS.hookPrinted("RUNTIME")}\` | what hooks report, and that their output was written |`,
    "",
  ];
}

function moves(): string[] {
  const table = (title: string, legal: Record<string, Record<string, string | undefined>>) => [
    `### ${title}`,
    "",
    "| from | to | because |",
    "| --- | --- | --- |",
    ...Object.entries(legal).flatMap(([from, to]) => {
      const rows = Object.entries(to).map(([state, why]) => `| ${from} | ${state} | ${why ?? ""} |`);
      return rows.length > 0 ? rows : [`| ${from} | | the end |`];
    }),
    "",
  ];
  return [
    "## Legal moves",
    "",
    "Everything else changes nothing: reports may come twice, late and out of order.",
    "",
    ...table("A delivery", DELIVERY_MOVES),
    ...table("An ask", ASK_MOVES),
    ...table("A permission request", APPROVAL_MOVES),
  ];
}

function events(): string[] {
  return [
    "## Events",
    "",
    "Numbered by the store, never by an id or a clock. A cursor is such a number.",
    "",
    EventType.options.map((type) => `\`${type}\``).join(", "),
    "",
  ];
}

function errors(): string[] {
  return [
    "## Errors",
    "",
    "| code | HTTP | exit code | try again? | title |",
    "| --- | --- | --- | --- | --- |",
    ...Object.entries(ERRORS).map(
      ([code, shape]) =>
        `| \`${code}\` | ${shape.status} | ${shape.exit} | ${shape.retryable ? "yes" : "no"} | ${shape.title} |`,
    ),
    "",
  ];
}

function limits(): string[] {
  return [
    "## Limits",
    "",
    "| limit | value | why |",
    "| --- | --- | --- |",
    ...Object.entries(LIMIT_TABLE).map(
      ([name, limit]) => `| \`${name}\` | ${limit.value.toLocaleString("en-US")} ${limit.unit} | ${limit.why} |`,
    ),
    "",
  ];
}
