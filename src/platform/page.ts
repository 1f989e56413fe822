import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One file of the dashboard, as it is bundled. */
export interface PageFile {
  /** As it is asked for: `/`, `/assets/main-1a2b3c.js`. */
  path: string;
  type: string;
  base64: string;
}

const LINKS =
  '<link rel="icon" href="/icon.svg" type="image/svg+xml"><link rel="manifest" href="/manifest.webmanifest" crossorigin="use-credentials">';
const FOLDER = ["src", "dashboard"];
/** What is served as it is, beside what the bundler makes of `index.html`: it would give these other names, or not find them. */
const STATIC = {
  "/manifest.webmanifest": ["manifest.webmanifest", "application/manifest+json"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
} as const;

/**
 * Makes the dashboard out of its sources with Bun's own bundler, which begins with the HTML page: scripts and styles get names that
 * change with what they hold. A page of ours is served by the daemon itself rather than as an HTML route of `Bun.serve`, whose answers
 * pass neither the checks of `Host` and `Origin` nor get a content security policy.
 */
export async function buildPage(root: string): Promise<PageFile[]> {
  const folder = join(root, ...FOLDER);
  const result = await Bun.build({
    entrypoints: [join(folder, "index.html")],
    target: "browser",
    minify: true,
    publicPath: "/assets/",
    naming: { entry: "[name].[ext]", chunk: "[name]-[hash].[ext]", asset: "[name]-[hash].[ext]" },
    define: { "process.env.NODE_ENV": '"production"' },
    env: "disable",
  });
  if (!result.success) throw new Error(`bundling the dashboard failed: ${result.logs.map(String).join("; ")}`);
  const files = await Promise.all(
    result.outputs.map(async (output) => {
      const name = output.path.split("/").at(-1) ?? "";
      const isPage = name === "index.html";
      return {
        path: isPage ? "/" : `/assets/${name}`,
        type: isPage ? "text/html; charset=utf-8" : typeOf(name),
        base64: base64(
          isPage ? (await output.text()).replace("</head>", `${LINKS}</head>`) : await output.arrayBuffer(),
        ),
      };
    }),
  );
  const copied = Object.entries(STATIC).map(([path, [name, type]]) => ({
    path,
    type,
    base64: base64(readFileSync(join(folder, name))),
  }));
  const shell = [...files, ...copied].map(({ path }) => path).sort();
  return [...files, ...copied, serviceWorker(folder, shell)];
}

/** It keeps the page's own files, and nothing that anybody said: what to keep is written into it here. */
function serviceWorker(folder: string, shell: readonly string[]): PageFile {
  const source = readFileSync(join(folder, "service-worker.js"), "utf8");
  const text = source.replace("SHELL_FILES", JSON.stringify(shell));
  return { path: "/sw.js", type: "text/javascript; charset=utf-8", base64: base64(text) };
}

function typeOf(name: string): string {
  if (name.endsWith(".js")) return "text/javascript; charset=utf-8";
  if (name.endsWith(".css")) return "text/css; charset=utf-8";
  return "application/octet-stream";
}

const base64 = (content: string | ArrayBuffer | Uint8Array): string =>
  (typeof content === "string" ? Buffer.from(content) : Buffer.from(content as ArrayBuffer)).toString("base64"); // either kind of bytes
