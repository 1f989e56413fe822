import { readDaemonRecord } from "../platform/daemon-record.ts";
import { isOwnProcess } from "../platform/own-process.ts";
import { readToken } from "../platform/token.ts";
import { HOST, HTTP_PATHS, RepowireError } from "../protocol/index.ts";

/** Where the daemon of a home is, and the token that proves to be its user. */
export interface DaemonAddress {
  port: number;
  token: string;
  instance: string;
}

export function locateDaemon(home: string): DaemonAddress | undefined {
  const record = readDaemonRecord(home);
  const token = readToken(home);
  return record && token && isOwnProcess(record.pid)
    ? { port: record.port, token, instance: record.instance }
    : undefined;
}

export const httpUrl = (address: Pick<DaemonAddress, "port">, path: string): string =>
  `http://${HOST}:${address.port}${path}`;
export const linkUrl = (address: Pick<DaemonAddress, "port">): string =>
  `ws://${HOST}:${address.port}${HTTP_PATHS.link}`;

export function notRunning(): RepowireError {
  return new RepowireError("unavailable", "The repowire daemon is not running. Start it with `repowire daemon start`.");
}
