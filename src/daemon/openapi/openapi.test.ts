import { expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { ERRORS, HTTP_PATHS, OPERATION_NAMES } from "../../protocol/index.ts";
import { type AppParts, createApp } from "../app.ts";
import { addDoor } from "../page/door.ts";
import { createRuntimes } from "../runtimes.ts";
import { openApiDocument } from "./document.ts";
import { docsPage, PAGE_HEADERS } from "./page.ts";

interface Document {
  paths: Record<string, Record<string, { operationId?: string; requestBody?: unknown; responses?: unknown }>>;
}
const document = openApiDocument(8377);
const { paths } = document as unknown as Document;

// @req protocol.openapi
test("the document is valid", async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  expect([result.valid, result.errors]).toEqual([true, undefined]);
  expect(validator.version).toBe("3.1");
  // The validator bites.
  const broken = { ...structuredClone(document), paths: { "/x": { post: { responses: { nope: 1 } } } } };
  expect((await new Validator().validate(broken)).valid).toBe(false);
});

// @req protocol.openapi
test("every address that the daemon serves is in it, and no other", () => {
  // Nothing of it is started: only its routes are looked at.
  const unused = new Proxy({}, { get: () => () => {} });
  const folders = new Proxy({}, { get: () => "/nowhere" });
  const given: Record<string | symbol, unknown> = { token: "x", paths: folders };
  const runtimes = createRuntimes(new Proxy({}, { get: (_parts, name) => given[name] ?? unused }) as never);
  const app = createApp({
    token: "x",
    extend: runtimes.extend,
    openDoors: (doors) => addDoor(doors, given as never),
  } as Partial<AppParts> as AppParts);
  const served = app.routes
    .filter(({ path }) => !path.includes("*") && path !== "/v1/:operation")
    .flatMap(({ path, method }) => {
      const named = path.replace(/:(\w+)/g, "{$1}");
      return method === "ALL" ? ["GET", "POST", "DELETE"].map((each) => `${each} ${named}`) : [`${method} ${named}`];
    });
  const operations = OPERATION_NAMES.map((name) => `POST ${HTTP_PATHS.operation(name)}`);
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((key) => key !== "parameters")
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  // The WebSocket is taken before any route is looked for.
  expect(described.sort()).toEqual([...new Set([...served, ...operations, `GET ${HTTP_PATHS.link}`])].sort());
});

test("each operation has a name of its own, its input, its output and the way it refuses", () => {
  const ids = Object.values(paths).flatMap((item) =>
    Object.values(item).flatMap(({ operationId }) => operationId ?? []),
  );
  expect(new Set(ids).size).toBe(ids.length);
  for (const name of OPERATION_NAMES) {
    const { post } = paths[HTTP_PATHS.operation(name)] ?? {};
    expect([name, post?.operationId, post?.requestBody !== undefined]).toEqual([name, name, true]);
    expect(post?.responses).toMatchObject({
      200: { content: {} },
      default: { $ref: "#/components/responses/Problem" },
    });
  }
  const { components } = document as unknown as {
    components: { schemas: { Problem: { properties: { code: object } } } };
  };
  expect(components.schemas.Problem.properties.code).toMatchObject({ enum: Object.keys(ERRORS) });
});

test("the page shows all of it, loads nothing and runs nothing", () => {
  const page = docsPage(document);
  for (const name of OPERATION_NAMES) expect(page).toContain(`<details id="${name}">`);
  expect(page).not.toMatch(/<(?:script|img|link|iframe|object)\b|\bsrc=|url\(|@import|<[^>]*\son\w+=/i);
  expect([...page.matchAll(/href="([^"]*)"/g)].map(([, to]) => to)).toEqual(["openapi.json"]);
  expect(PAGE_HEADERS["content-security-policy"]).toContain("default-src 'none'");
  const hostile = structuredClone(document) as { info: { title: string } };
  hostile.info.title = `<script>"x"</script>`;
  expect(docsPage(hostile as never)).toContain("&lt;script&gt;&quot;x&quot;&lt;/script&gt;");
});
