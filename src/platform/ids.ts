import { randomInt } from "node:crypto";
import { handleSource } from "../protocol/ids.ts";

/** Ids with a prefix and a UUIDv7 behind it: unique without asking anybody, ordered by time. */
export const newPeerId = (): `peer_${string}` => `peer_${Bun.randomUUIDv7()}`;
export const newMessageId = (): `msg_${string}` => `msg_${Bun.randomUUIDv7()}`;
export const newHandle: () => string = handleSource((below) => randomInt(below));

/** 128 random bits as text. */
export function newSecret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
}
