import type { OperationOutput } from "../../protocol/index.ts";
import { call } from "../live/api.ts";
import { saveFile } from "../live/save.ts";
import { KIND } from "../live/say.ts";
import { attempt } from "../live/toasts.ts";

type Page = OperationOutput<"export">;

/** Saves a whole thread as a Markdown file. */
export async function saveThread(thread: string): Promise<void> {
  await attempt(async () => {
    const pages: Page[] = [];
    for (let after: number | undefined; ; ) {
      const page: Page = await call("export", { thread, bodies: true, after });
      pages.push(page);
      if (page.cursor === undefined) break;
      after = page.cursor;
    }
    saveFile(`repowire-${thread.slice(-8)}.md`, [threadText(pages)], "text/markdown");
    return "Saved.";
  });
}

/** Each message under a heading that says who, to whom, when, and what is proven of it. Bodies stand as they were written. */
export function threadText(pages: readonly Page[]): string {
  const names = new Map(pages.flatMap(({ peers }) => peers.map(({ id, name }) => [id, name] as const)));
  const deliveries = pages.flatMap((page) => page.deliveries);
  const messages = pages.flatMap((page) => page.messages).sort((a, b) => a.created_at - b.created_at);
  const parts = messages.map((message) => {
    const own = deliveries.filter((delivery) => delivery.message === message.id);
    const to = own.map(({ peer, state }) => `${names.get(peer) ?? peer}: ${state}`).join(", ");
    const when = new Date(message.created_at).toISOString();
    return `## ${message.from_name} ${KIND[message.kind]} (${when})\n\n${to}\n\n${message.body ?? ""}\n`;
  });
  return `# A thread of repowire\n\n${parts.join("\n")}`;
}
