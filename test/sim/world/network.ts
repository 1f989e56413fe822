import type { LinkSocketOptions, OpenSocket } from "../../../src/client/socket.ts";
import type { Chance } from "./chance.ts";
import type { Loop } from "./loop.ts";
import { ProcessDied, type SimProcess } from "./process.ts";

/** What a server makes of one incoming connection. */
export interface ServerSide {
  receive(text: string): void;
  closed(): void;
}

export interface ServerSocket {
  send(text: string): void;
  close(code: number, reason: string): void;
}

export interface Listener {
  process: SimProcess;
  accept(socket: ServerSocket): ServerSide;
}

/**
 * Connections like those of the loopback: each direction keeps its order, frames take time, some come twice, and a connection may end
 * at any instant with whatever is under way. The two ends hear of that separately, one of them perhaps only after a minute; so the
 * frames of an old connection may arrive after those of the new one.
 */
export interface Network {
  listen(listener: Listener | undefined): void;
  /** How the links of this process connect. */
  socketsOf(process: SimProcess): OpenSocket;
  /** Ends connections of this process; `half`: the end that hears of it only much later. */
  cut(process: SimProcess, half: "none" | "client" | "server"): void;
  /** From now on frames take up to so long, and are doubled with this probability. */
  weather(next: { lagMs: number; repeats: number }): void;
  /** Whether this process has had a whole, quick connection for some time. */
  serves(process: SimProcess): boolean;
  readonly frames: number;
}

const SOME_TIME_MS = 5_000;
const QUICK_MS = 200;

/** Bun closes a socket whose other end has been silent for so long (`idleTimeout` of the daemon). */
const SILENCE_MS = 60_000;

interface End {
  isOpen: boolean;
  /** The instant before which nothing more may arrive here, so that order is kept. */
  arrivesAt: number;
  receive(text: string): void;
  closed(code: number, reason: string): void;
}

interface Connection {
  client: End;
  server: End;
  owner: SimProcess;
  isCut: boolean;
  openedAt: number;
}

export function createNetwork(loop: Loop, chance: Chance, onError: (error: unknown) => void): Network {
  let listener: Listener | undefined;
  let weather = { lagMs: 3, repeats: 0 };
  let frames = 0;
  /** Until when slow frames may be under way. */
  let slowUntil = 0;
  let connections: Connection[] = [];

  function guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof ProcessDied)) onError(error);
    }
  }

  /** A dead sender is not told: where it would have to unwind is anywhere, and nothing it still does reaches anybody. */
  function dies(sender: SimProcess): boolean {
    try {
      sender.step("while sending");
      return false;
    } catch (error) {
      if (error instanceof ProcessDied) return true;
      throw error;
    }
  }

  function arrival(to: End): number {
    const { awake } = loop.now();
    to.arrivesAt = Math.max(to.arrivesAt, awake + chance.int(0, weather.lagMs));
    return to.arrivesAt - awake;
  }

  function transmit(connection: Connection, from: End, to: End, sender: SimProcess, text: string): void {
    if (!sender.alive || !from.isOpen) return;
    if (dies(sender)) return;
    frames++;
    const isTwice = chance.is(weather.repeats) && !text.includes('"method":"hello"');
    loop.at(arrival(to), () => {
      for (let copy = 0; copy < (isTwice ? 2 : 1); copy++) {
        if (!connection.isCut && to.isOpen) guarded(() => to.receive(text));
      }
    });
  }

  function hangUp(end: End, afterMs: number, code: number, reason: string): void {
    loop.at(afterMs, () => {
      if (!end.isOpen) return;
      end.isOpen = false;
      connections = connections.filter((other) => other.client.isOpen || other.server.isOpen);
      guarded(() => end.closed(code, reason));
    });
  }

  /** One end closes in good order: the other hears it after everything that was sent before. */
  function closeFrom(connection: Connection, from: End, to: End, code: number, reason: string): void {
    if (!from.isOpen) return;
    hangUp(from, 0, code, reason);
    if (!connection.isCut) hangUp(to, arrival(to), code, reason);
  }

  function connect(owner: SimProcess, client: Omit<End, "isOpen" | "arrivesAt">): Connection | undefined {
    const at = listener;
    if (!at?.process.alive) return undefined;
    const end = (part: Omit<End, "isOpen" | "arrivesAt">): End => ({ ...part, isOpen: true, arrivesAt: 0 });
    let side: ServerSide | undefined;
    const connection: Connection = {
      owner,
      isCut: false,
      openedAt: loop.now().awake,
      client: end(client),
      server: end({
        receive(text) {
          if (!at.process.alive) return;
          at.process.step("while receiving");
          side?.receive(text);
        },
        closed() {
          if (at.process.alive) side?.closed();
        },
      }),
    };
    side = at.accept({
      send: (text) => transmit(connection, connection.server, connection.client, at.process, text),
      close(code, reason) {
        if (at.process.alive) closeFrom(connection, connection.server, connection.client, code, reason);
      },
    });
    connections.push(connection);
    // What a dead process had sent still arrives; its end of the connection is closed by the system.
    at.process.onDeath(() => closeFrom(connection, connection.server, connection.client, 1006, ""));
    owner.onDeath(() => closeFrom(connection, connection.client, connection.server, 1006, ""));
    return connection;
  }

  /** The reconnecting socket, as far as a link uses it. */
  function reconnecting(owner: SimProcess, options: LinkSocketOptions) {
    let isWanted = true;
    let failures = 0;
    let current: Connection | undefined;
    let openedAt = 0;

    function later(ms: number): void {
      owner.time.after(ms, () => void open());
    }

    function comeBack(code: number): void {
      if (!isWanted || !options.comesBack(code)) return;
      if (loop.now().awake - openedAt > 1_000) failures = 0;
      later(Math.min(options.delayMaxMs, options.delayMinMs * 1.3 ** failures++));
    }

    async function open(): Promise<void> {
      if (!isWanted || !owner.alive) return;
      await options.url();
      owner.time.after(1, () => {
        if (!isWanted || current?.client.isOpen) return;
        const made = connect(owner, {
          receive(text) {
            if (!owner.alive) return;
            owner.step("while receiving");
            if (current === made) options.onMessage(text);
          },
          closed(code, reason) {
            if (!owner.alive || current !== made) return;
            current = undefined;
            options.onClose(code, reason);
            comeBack(code);
          },
        });
        if (!made) {
          options.onError();
          comeBack(1006);
          return;
        }
        current = made;
        openedAt = loop.now().awake;
        guarded(() => options.onOpen());
      });
    }

    later(0);
    return {
      send(text: string) {
        if (current) transmit(current, current.client, current.server, owner, text);
      },
      reconnect(code: number, reason: string) {
        if (!owner.alive) return;
        const given = current;
        current = undefined;
        if (given) closeFrom(given, given.client, given.server, code, reason);
        options.onClose(code, reason);
        failures = 0;
        later(options.delayMinMs);
      },
      close() {
        isWanted = false;
        if (current) closeFrom(current, current.client, current.server, 1000, "");
      },
    };
  }

  return {
    listen(next) {
      listener = next;
    },
    socketsOf: (owner) => (options) => reconnecting(owner, options),
    cut(owner, half) {
      for (const connection of connections) {
        if (connection.owner !== owner || connection.isCut) continue;
        connection.isCut = true;
        hangUp(connection.client, half === "client" ? SILENCE_MS : chance.int(0, 50), 1006, "");
        hangUp(connection.server, half === "server" ? SILENCE_MS : chance.int(0, 50), 1006, "");
      }
    },
    weather(next) {
      if (Math.max(weather.lagMs, next.lagMs) > QUICK_MS) slowUntil = loop.now().awake + 40_000;
      weather = next;
    },
    serves(owner) {
      const { awake } = loop.now();
      return (
        weather.lagMs <= QUICK_MS &&
        slowUntil < awake &&
        connections.some(
          (connection) =>
            connection.owner === owner &&
            !connection.isCut &&
            connection.client.isOpen &&
            connection.server.isOpen &&
            connection.openedAt + SOME_TIME_MS < awake,
        )
      );
    },
    get frames() {
      return frames;
    },
  };
}
