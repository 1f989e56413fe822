/** The document as one page that loads nothing: it may be read where no other host can be reached, and may reach none. */
export const PAGE_HEADERS = {
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, { description?: string; content?: Record<string, { schema: unknown }> }>;
}

interface Document {
  info: { title: string; version: string; description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation | unknown>>;
}

const METHODS = ["get", "post", "delete"];

export function docsPage(given: Record<string, unknown>): string {
  const document = given as unknown as Document; // made by `openApiDocument`
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => ({
      path,
      method,
      operation: item[method] as Operation,
    })),
  );
  const sections = document.tags.map(
    ({ name, description }) =>
      `<h2>${text(name)}</h2><p>${text(description)}</p>${operations
        .filter(({ operation }) => operation.tags.includes(name))
        .map(({ path, method, operation }) => section(path, method, operation))
        .join("")}`,
  );
  const { title, version, description } = document.info;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(title)} ${text(version)}</title><style>${STYLE}</style>
<h1>${text(title)} ${text(version)}</h1><p>${text(description)}</p>
<p>Every request carries <code>Authorization: Bearer</code> with the token of <code>~/.repowire/token</code>. The same for programs: <a href="openapi.json">openapi.json</a>.</p>
${sections.join("\n")}</html>
`;
}

function section(path: string, method: string, operation: Operation): string {
  const [body] = Object.values(operation.requestBody?.content ?? {});
  const answers = Object.entries(operation.responses)
    .filter(([status]) => status !== "default")
    .map(([status, { description, content }]) => {
      const [type, answer] = Object.entries(content ?? {})[0] ?? [];
      return `<h4>${text(status)} ${text(type ?? "")}</h4><p>${text(description ?? "")}</p>${answer ? schema(answer.schema) : ""}`;
    });
  return `<details id="${text(operation.operationId)}"><summary><b>${method.toUpperCase()}</b> <code>${text(path)}</code> ${text(operation.summary)}</summary>
<p>${text(operation.description ?? "")}</p>${body ? `<h4>request</h4>${schema(body.schema)}` : ""}${answers.join("")}</details>`;
}

const schema = (value: unknown): string => `<pre>${text(JSON.stringify(value, null, 2))}</pre>`;

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const text = (raw: string): string => raw.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

const STYLE = `:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
summary{cursor:pointer;padding:.3rem 0}summary b{display:inline-block;min-width:4rem}pre{overflow:auto;padding:.7rem;border:1px solid #8886;max-height:30rem}
h4{margin:.6rem 0 0}`;
