import { readdirSync } from "node:fs";
import type { Registry } from "prom-client";
import type { Engine } from "../../core/index.ts";
import { OPEN_DELIVERY_STATES, PresenceState, VERSION } from "../../protocol/index.ts";
import { Counter, Gauge } from "./prom.ts";

export interface GaugeParts {
  engine: Engine;
  startedAt: number;
  /** Open links, MCP sessions, event streams, waiting calls. */
  counts: () => { links: number; mcp_sessions: number; streams: number; waits: number };
  /** Whether the store can be written. */
  storeIsOk: () => boolean;
}

/** What is only looked at when somebody asks: nothing of it costs anything between two scrapes. */
export function createGauges(registry: Registry, parts: GaugeParts): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });

  gauge("repowire_links", "Open links of sessions.", () => parts.counts().links);
  gauge("repowire_mcp_sessions", "Open MCP sessions over HTTP.", () => parts.counts().mcp_sessions);
  gauge("repowire_event_streams", "Readers of the event stream (log -f, dashboards).", () => parts.counts().streams);
  gauge("repowire_waiting_calls", "Calls that wait for an answer now.", () => parts.counts().waits);
  gauge("repowire_queue_depth", "Decisions that wait for their commit.", () => parts.engine.backlog);
  gauge("repowire_store_ok", "1 while the database can be written, else 0.", () => (parts.storeIsOk() ? 1 : 0));
  gauge("repowire_open_asks", "Questions that are open.", () =>
    parts.engine.read((ctx) => ctx.tx.peers.all().reduce((sum, peer) => sum + ctx.tx.asks.openTo(peer.id).length, 0)),
  );
  new Gauge({
    name: "repowire_open_deliveries",
    help: "Deliveries that may still move, by state.",
    labelNames: ["state"] as const,
    registers,
    collect() {
      const open = parts.engine.read((ctx) => ctx.tx.deliveries.allInStates(OPEN_DELIVERY_STATES));
      for (const state of OPEN_DELIVERY_STATES) this.set({ state }, 0);
      for (const { state } of open) this.inc({ state });
    },
  });
  new Gauge({
    name: "repowire_peers",
    help: "Seats of the mesh, by presence and runtime.",
    labelNames: ["presence", "runtime"] as const,
    registers,
    collect() {
      this.reset();
      for (const { presence, runtime } of parts.engine.read((ctx) => ctx.tx.peers.all())) {
        for (const state of PresenceState.options)
          this.inc({ presence: state, runtime }, state === presence.state ? 1 : 0);
      }
    },
  });
  new Gauge({
    name: "repowire_build_info",
    help: "Always 1; its label is the program's version.",
    labelNames: ["version"] as const,
    registers,
  }).set({ version: VERSION }, 1);
  processGauges(registers, gauge, parts.startedAt);
}

/** The usual names, so that ready-made dashboards find them. prom-client's own set needs parts of Node that Bun has not. */
function processGauges(
  registers: Registry[],
  gauge: (name: string, help: string, value: () => number) => unknown,
  startedAt: number,
): void {
  gauge("process_start_time_seconds", "When the daemon started, in seconds since 1970.", () => startedAt / 1_000);
  gauge("process_resident_memory_bytes", "Memory of the daemon's process.", () => process.memoryUsage.rss());
  gauge("process_heap_bytes", "Heap in use by JavaScript.", () => process.memoryUsage().heapUsed);
  if (process.platform === "linux")
    gauge("process_open_fds", "Open file descriptors.", () => readdirSync("/proc/self/fd").length);
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time, user and system.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}
