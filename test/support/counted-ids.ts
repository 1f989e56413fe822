import type { Ids } from "../../src/core/ports.ts";
import { HANDLE_ALPHABET, HANDLE_LENGTH } from "../../src/protocol/index.ts";

/** Shaped as a UUIDv7, so that every schema takes it; counted, so that a failing test names the same ids each time. */
export function countedUuid(n: number): string {
  return `00000000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`;
}

const HANDLES = HANDLE_ALPHABET.length ** HANDLE_LENGTH;
/** Shares no factor with the number of handles, so each count has its own handle and neighbours look nothing alike. */
const HANDLE_STRIDE = 7_654_321;

export function countedHandle(n: number): string {
  let rest = (n * HANDLE_STRIDE) % HANDLES;
  let handle = "";
  for (let i = 0; i < HANDLE_LENGTH; i++) {
    handle += HANDLE_ALPHABET[rest % HANDLE_ALPHABET.length];
    rest = Math.floor(rest / HANDLE_ALPHABET.length);
  }
  return handle;
}

/** Valid ids in a fixed order. */
export function countedIds(): Ids {
  const counts = { peer: 0, message: 0, handle: 0, secret: 0 };
  return {
    peer: () => `peer_${countedUuid(++counts.peer)}`,
    message: () => `msg_${countedUuid(++counts.message)}`,
    handle: () => countedHandle(++counts.handle),
    secret: () => `secret-${++counts.secret}`,
  };
}
