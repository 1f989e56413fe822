import { z } from "zod";
import {
  Attachment,
  ERRORS,
  HASH_HEADER,
  Health,
  HOST,
  HookPrinted,
  HookReply,
  HookReport,
  HTTP_PATHS,
  LoginReply,
  LoginRequest,
  MeshEvent,
  OPERATION_NAMES,
  OPERATIONS,
  Problem,
  VERSION,
} from "../../protocol/index.ts";

type Json = Record<string, unknown>;

/** The HTTP surface as an OpenAPI document (3.1), made from the same tables that serve it, so that it cannot say anything else. */
export function openApiDocument(port: number): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: "repowire",
      version: VERSION,
      description:
        "The mesh of the agent sessions on this machine. Every operation is also a method of the link and, where models use it, a tool. Instants are epoch milliseconds.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: `http://${HOST}:${port}` }],
    security: [{ token: [] }],
    tags: [
      { name: "operations", description: "What a peer can do." },
      { name: "watching", description: "What is going on." },
      { name: "sessions", description: "What agent sessions use." },
    ],
    paths: { ...operationPaths(), ...filePaths(), ...watchingPaths(), ...sessionPaths() },
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "The token of `~/.repowire/token`." },
      },
      responses: {
        Problem: {
          description: `A refusal, as a problem document (RFC 9457); its \`code\` is one of the error table (${Object.keys(ERRORS).length} rows), which also gives the status.`,
          content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
        },
      },
      schemas: { Problem: schemaOf(Problem, "output"), Event: schemaOf(MeshEvent, "output") },
    },
  };
}

function operationPaths(): Json {
  return Object.fromEntries(
    OPERATION_NAMES.map((name) => {
      const operation = OPERATIONS[name];
      const who = "human" in operation ? "a person" : operation.callers.join(", ");
      const tool = "tool" in operation ? ` Models call it as the tool \`${operation.tool.name}\`.` : "";
      return [
        HTTP_PATHS.operation(name),
        {
          post: {
            operationId: name,
            tags: ["operations"],
            summary: operation.purpose,
            description: `For: ${who}.${tool}`,
            requestBody: { required: true, content: json(schemaOf(operation.input, "input")) },
            responses: answers({
              description: "What it did, or found.",
              content: json(schemaOf(operation.output, "output")),
            }),
          },
        },
      ];
    }),
  );
}

function watchingPaths(): Json {
  const text = (type: string) => ({ [type]: { schema: { type: "string" } } });
  const get = (operationId: string, summary: string, response: Json, more: Json = {}) => ({
    get: { operationId, tags: ["watching"], summary, ...more, responses: answers(response) },
  });
  const open = { security: [] };
  return {
    [HTTP_PATHS.health]: {
      get: {
        operationId: "health",
        tags: ["watching"],
        summary: "Whether it is there; with the token, the truth about each part.",
        security: [{}, { token: [] }],
        responses: {
          200: { description: "All parts are well.", content: json(schemaOf(Health, "output")) },
          503: { description: "Some part is not.", content: json(schemaOf(Health, "output")) },
        },
      },
    },
    [HTTP_PATHS.metrics]: get("metrics", "Numbers for Prometheus.", {
      description: "Prometheus' text format.",
      content: text("text/plain"),
    }),
    [HTTP_PATHS.events]: get(
      "eventStream",
      "Committed events as they happen, as server-sent events; not for agents.",
      {
        description: "One event after the other; `data` is an Event, `id` its number.",
        content: text("text/event-stream"),
      },
      {
        parameters: [
          {
            name: "after",
            in: "query",
            schema: { type: "integer", minimum: 0 },
            description: "Begin behind this event.",
          },
          {
            name: "last-event-id",
            in: "header",
            schema: { type: "string" },
            description: "The same, as browsers say it.",
          },
        ],
      },
    ),
    ...pagePaths(get),
    [HTTP_PATHS.openApi]: get(
      "openApi",
      "This document.",
      { description: "OpenAPI 3.1.", content: json({ type: "object" }) },
      open,
    ),
    [HTTP_PATHS.docs]: get(
      "docs",
      "This document as a page.",
      { description: "A page.", content: text("text/html") },
      open,
    ),
  };
}

type Get = (operationId: string, summary: string, response: Json, more?: Json) => Json;

/** The dashboard: what a browser is served, and how it is logged in. */
function pagePaths(get: Get): Json {
  const file = (operationId: string, summary: string, type: string, more: Json = {}) =>
    get(
      operationId,
      summary,
      { description: "A file.", content: { [type]: { schema: { type: "string" } } } },
      { security: [], ...more },
    );
  const post = (operationId: string, summary: string, input: Json, output: Json) => ({
    post: {
      operationId,
      tags: ["watching"],
      summary,
      security: [],
      requestBody: { required: true, content: json(input) },
      responses: answers({ description: "Done, with its cookie.", content: json(output) }),
    },
  });
  const name = { name: "name", in: "path", required: true, schema: { type: "string" } };
  return {
    [HTTP_PATHS.page]: file("page", "The dashboard's page; it says nothing of this machine.", "text/html"),
    "/assets/{name}": file("pageAsset", "A script or style of the page.", "text/javascript", { parameters: [name] }),
    "/sw.js": file("pageWorker", "Keeps the page's files for when the daemon is down.", "text/javascript"),
    "/manifest.webmanifest": file("pageManifest", "Lets the page be installed.", "application/manifest+json"),
    "/icon.svg": file("pageIcon", "Its icon.", "image/svg+xml"),
    [HTTP_PATHS.login]: post(
      "login",
      "Trades a link's one-time code for a login: a cookie, and the page's own half.",
      schemaOf(LoginRequest, "input"),
      schemaOf(LoginReply, "output"),
    ),
    [HTTP_PATHS.logout]: post("logout", "Ends the login of this browser.", { type: "object" }, { type: "object" }),
  };
}

/** Files, which are no JSON. */
function filePaths(): Json {
  const string = { type: "string" };
  const bytes = { "application/octet-stream": { schema: { type: "string", format: "binary" } } };
  return {
    [HTTP_PATHS.attachments]: {
      post: {
        operationId: "uploadAttachment",
        tags: ["operations"],
        summary: "Uploads a file, as it is, that can then be sent with a message by its id.",
        parameters: [
          { name: "name", in: "query", required: true, schema: string, description: "What it is called; made safe." },
          { name: HASH_HEADER, in: "header", schema: string, description: "The SHA-256 that it must have." },
        ],
        requestBody: { required: true, content: bytes },
        responses: answers({ description: "It is stored.", content: json(schemaOf(Attachment, "output")) }),
      },
    },
    [HTTP_PATHS.attachment("{id}")]: {
      get: {
        operationId: "downloadAttachment",
        tags: ["operations"],
        summary: "The bytes of a file: for whoever brought it, the recipients of its messages, and people.",
        parameters: [{ name: "id", in: "path", required: true, schema: string }],
        responses: answers({ description: "The file, to be saved and never to be shown.", content: bytes }),
      },
    },
  };
}

function sessionPaths(): Json {
  const runtime = { name: "runtime", in: "path", required: true, schema: { type: "string" } };
  const hook = (operationId: string, summary: string, body: Json, reply: Json) => ({
    parameters: [runtime],
    post: {
      operationId,
      tags: ["sessions"],
      summary,
      requestBody: { required: true, content: json(body) },
      responses: answers({ description: "What the hook does now.", content: json(reply) }),
    },
  });
  const mcp = (method: string, summary: string) => ({
    operationId: `mcp_${method}`,
    tags: ["sessions"],
    summary,
    responses: answers({ description: "As MCP's streamable HTTP transport says." }),
  });
  return {
    [HTTP_PATHS.link]: {
      get: {
        operationId: "link",
        tags: ["sessions"],
        summary:
          "The link of a session: a WebSocket, whose first request (`hello`) carries the token. docs/protocol.md has its methods.",
        security: [],
        responses: answers({ description: "A WebSocket." }, "101"),
      },
    },
    [HTTP_PATHS.mcp]: {
      get: mcp("get", "The tools over MCP: what the server sends."),
      post: mcp("post", "The tools over MCP: a message of the client."),
      delete: mcp("delete", "The end of an MCP session."),
    },
    [HTTP_PATHS.hookReport("{runtime}")]: hook(
      "hookReport",
      "An event of an agent CLI, told by its hook.",
      schemaOf(HookReport, "input"),
      schemaOf(HookReply, "output"),
    ),
    [HTTP_PATHS.hookPrinted("{runtime}")]: hook(
      "hookPrinted",
      "The hook's output was written.",
      schemaOf(HookPrinted, "input"),
      { type: "object" },
    ),
  };
}

const json = (schema: Json): Json => ({ "application/json": { schema } });

const answers = (ok: Json, status = "200"): Json => ({
  [status]: ok,
  default: { $ref: "#/components/responses/Problem" },
});

/** OpenAPI 3.1 takes JSON Schema as it is; which draft, it says once. */
function schemaOf(type: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _draft, ...schema } = z.toJSONSchema(type, { io, unrepresentable: "any" });
  return schema;
}
