import type { ExportHeader, ExportLine, ExportPage } from "./export.ts";
import type { PeerId } from "./ids.ts";

/** How a run is written as a file: by the command line and by the page, which loads no schema library for it. */

/** The version of the file that `repowire export` writes; another one is refused by name. */
export const EXPORT_FORMAT = "repowire-export";
export const EXPORT_VERSION = 1;

/** Writes a run line by line, page after page, so that its size is never held in memory. */
export interface RunWriter {
  page(page: ExportPage): void;
  /** The last line; without it the file counts as cut off. */
  end(): Written;
}

export interface Written {
  messages: number;
  events: number;
  peers: number;
}

export function createRunWriter(
  header: Omit<ExportHeader, "type" | "format" | "version">,
  write: (line: string) => void,
): RunWriter {
  const peers = new Set<PeerId>();
  const written: Written = { messages: 0, events: 0, peers: 0 };
  let lines = 0;

  function put(line: ExportLine): void {
    lines++;
    write(`${JSON.stringify(line)}\n`);
  }

  put({ type: "export", format: EXPORT_FORMAT, version: EXPORT_VERSION, ...header });
  return {
    page(page) {
      for (const peer of page.peers) {
        if (peers.has(peer.id)) continue;
        peers.add(peer.id);
        put({ type: "peer", peer });
      }
      for (const message of page.messages) put({ type: "message", message });
      for (const delivery of page.deliveries) put({ type: "delivery", delivery });
      for (const ask of page.asks) put({ type: "ask", ask });
      for (const event of page.events) put({ type: "event", event });
      written.messages += page.messages.length;
      written.events += page.events.length;
    },
    end() {
      put({ type: "end", lines: lines + 1 });
      return { ...written, peers: peers.size };
    },
  };
}
