import type { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { z } from "zod";
import type { Link } from "../../src/client/index.ts";

/** What Claude Code (2.1.330) sends when a tool call waits for its user; its dialog stays usable meanwhile. */
const PermissionRequest = z.object({
  method: z.literal("notifications/claude/channel/permission_request"),
  params: z.object({
    request_id: z.string(),
    tool_name: z.string(),
    description: z.string().optional(),
    input_preview: z.string().optional(),
  }),
});

const PREVIEW_CHARS_MAX = 19_000;

/** Passes permission requests of the session on, and a person's verdict back. The first answer, here or in the terminal, wins. */
export function createPermissionRelay(server: Server, link: () => Link | undefined) {
  server.setNotificationHandler(PermissionRequest, ({ params }) => {
    link()?.requestPermission({
      request: params.request_id,
      tool: params.tool_name,
      description: params.description?.slice(0, 2_000),
      preview: (params.input_preview ?? "").slice(0, PREVIEW_CHARS_MAX),
    });
  });
  return {
    verdict(verdict: { request: string; behavior: "allow" | "deny" }): void {
      void server
        .notification({
          method: "notifications/claude/channel/permission",
          params: { request_id: verdict.request, behavior: verdict.behavior },
        })
        .catch(() => {
          // The session is gone, and its question with it.
        });
    },
  };
}
