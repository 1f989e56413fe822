import type { OperationDeps } from "../../src/operations/index.ts";

/** For a mesh without a page: no link leads anywhere, nothing is listed for starting sessions. */
export const noDashboard: Pick<OperationDeps, "loginLink" | "spawnOptions" | "daemon" | "ownTurns"> = {
  loginLink: () => ({ url: "http://127.0.0.1/#login=none", expires_at: 0 }),
  ownTurns: async () => ({ turns: [{ by: "user", text: "between-the-two-of-us", rest_chars: 0 }], isWhole: true }),
  daemon: {
    findings: async () => [],
    samples: () => ({ every_ms: 15_000, samples: [] }),
    log: () => ({ lines: [], cursor: "0:0", is_cut: false }),
  },
  spawnOptions: { folders: [], runtimes: [], profiles: [] },
};
