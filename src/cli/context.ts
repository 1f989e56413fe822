import { type DaemonAddress, ensureDaemon, findDaemon, httpMesh, notRunning } from "../client/index.ts";
import { repowireHome } from "../platform/paths.ts";
import type { Mesh } from "../protocol/index.ts";

/** What commands need: the home, and the mesh behind a daemon that is started on demand. */
export interface CliContext {
  home: string;
  /** Starts the daemon if none runs. */
  mesh(): Promise<Mesh>;
  /** The running daemon; throws when there is none, for commands that must not start one. */
  running(): Promise<DaemonAddress>;
}

export function cliContext(): CliContext {
  const home = repowireHome();
  return {
    home,
    mesh: async () => httpMesh(await ensureDaemon(home)),
    running: async () => {
      const address = await findDaemon(home);
      if (!address) throw notRunning();
      return address;
    },
  };
}
