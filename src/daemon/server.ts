import type { Server } from "bun";
import type { LoopbackConnection } from "../platform/process.ts";
import { asRepowireError, HOST, HTTP_PATHS, LIMITS, RepowireError } from "../protocol/index.ts";
import { type createApp, problemResponse } from "./app.ts";
import { checkOrigin, isPublicHost } from "./guard.ts";
import type { createLinkServer, LinkSocketData } from "./links.ts";

export interface ServeParts {
  port: number;
  publicOrigin: string | undefined;
  app: ReturnType<typeof createApp>;
  links: ReturnType<typeof createLinkServer>;
  onRefused(error: unknown): void;
}

/** Opens the port. Throws what stands in the way, with what to do about it. */
export function serve({ port, publicOrigin, app, links, onRefused }: ServeParts): Server<LinkSocketData> {
  try {
    return Bun.serve<LinkSocketData>({
      hostname: HOST,
      port,
      idleTimeout: 30,
      // Refused by `readJson` with a sentence, without being read; Bun's own refusal has none.
      maxRequestBodySize: LIMITS.frameBytesMax * 64,
      fetch(request, server) {
        try {
          checkOrigin(request, server.port ?? port, publicOrigin);
          const connection = connectionOf(server, request);
          const isPublic = isPublicHost(request, publicOrigin);
          if (new URL(request.url).pathname === HTTP_PATHS.link) {
            if (isPublic) throw new RepowireError("unauthorized", "Sessions join on this machine only.");
            if (server.upgrade(request, { data: { connection } })) return undefined;
            throw new RepowireError("invalid_input", "This address takes WebSocket connections only.");
          }
          return app.fetch(request, { connection, isPublic, keepOpen: () => server.timeout(request, 0) });
        } catch (error) {
          onRefused(error);
          return problemResponse(asRepowireError(error));
        }
      },
      websocket: {
        idleTimeout: 60,
        sendPings: true,
        // Somewhat larger ones are refused with a sentence; beyond that the connection ends.
        maxPayloadLength: LIMITS.frameBytesMax * 4,
        backpressureLimit: LIMITS.frameBytesMax * 16,
        closeOnBackpressureLimit: true,
        open: (socket) => links.open(socket),
        message(socket, message) {
          socket.data.link?.receive(typeof message === "string" ? message : new TextDecoder().decode(message));
        },
        close: (socket) => socket.data.link?.closed(),
      },
    });
  } catch (error) {
    const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (taken)
      throw new RepowireError(
        "unavailable",
        `Port ${port} on ${HOST} is used by another program. Stop that program, or set another port: \`port:\` in config.yaml, or REPOWIRE_PORT.`,
      );
    throw error;
  }
}

function connectionOf(server: Server<LinkSocketData>, request: Request): LoopbackConnection | undefined {
  const address = server.requestIP(request);
  return address && server.port !== undefined
    ? { daemonPort: server.port, clientPort: address.port, openedAt: performance.now() }
    : undefined;
}
