import { dlopen, FFIType, ptr } from "bun:ffi";

/**
 * Asks the kernel for one TCP connection by its ends (netlink, `sock_diag(7)`, Linux 3.3 and later). /proc/net/tcp tells the same, but
 * goes through the whole table of connections for it: 6 ms on a machine whose table has 262,144 places, however few are taken.
 */

const AF_INET = 2;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 1;
const NLMSG_ERROR = 2;
const IPPROTO_TCP = 6;
const MSG_DONTWAIT = 0x40;
const LOOPBACK = 0x7f000001;

/** `struct nlmsghdr`, then `struct inet_diag_req_v2`: both in the machine's byte order but for ports and addresses. */
const HEADER_BYTES = 16;
const REQUEST_BYTES = HEADER_BYTES + 56;
/** Where `struct inet_diag_msg` has the inode, after the header. */
const INODE_AT = HEADER_BYTES + 68;
const ANSWER_BYTES = 4_096;
const IS_LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

interface Asker {
  send(message: Uint8Array): boolean;
  /** The kernel answers within `send`, so nothing is waited for. */
  receive(into: Uint8Array): number;
}

function openAsker(): Asker | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const libc = dlopen("libc.so.6", {
      socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
      send: { args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i64 },
      recv: { args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i64 },
    }).symbols;
    const socket = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (socket < 0) return undefined;
    return {
      send: (message) => Number(libc.send(socket, ptr(message), message.length, 0)) === message.length,
      receive: (into) => Number(libc.recv(socket, ptr(into), into.length, MSG_DONTWAIT)),
    };
  } catch {
    // Another C library, or a sandbox without it: the caller reads /proc.
    return undefined;
  }
}

/** Opened with the first question, for the life of the process; null where there is none. */
let asker: Asker | undefined | null;
let lastSequence = 0;

function requestFor(sequence: number, localPort: number, remotePort: number): Uint8Array {
  const bytes = new Uint8Array(REQUEST_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, REQUEST_BYTES, IS_LITTLE);
  view.setUint16(4, SOCK_DIAG_BY_FAMILY, IS_LITTLE);
  view.setUint16(6, NLM_F_REQUEST, IS_LITTLE);
  view.setUint32(8, sequence, IS_LITTLE);
  view.setUint8(16, AF_INET);
  view.setUint8(17, IPPROTO_TCP);
  view.setUint32(20, 0xffffffff, IS_LITTLE); // in any state
  view.setUint16(24, localPort);
  view.setUint16(26, remotePort);
  view.setUint32(28, LOOPBACK);
  view.setUint32(44, LOOPBACK);
  view.setUint32(64, 0xffffffff, IS_LITTLE); // no cookie: whichever connection has these ends
  view.setUint32(68, 0xffffffff, IS_LITTLE);
  return bytes;
}

/**
 * The inode of the local end of a connection within 127.0.0.1. Undefined where the kernel knows none, and where it cannot be asked this
 * way: /proc may still tell.
 */
export function inodeOfConnection(localPort: number, remotePort: number): string | undefined {
  if (asker === undefined) asker = openAsker() ?? null;
  if (!asker) return undefined;
  lastSequence = (lastSequence % 0x7fffffff) + 1;
  if (!asker.send(requestFor(lastSequence, localPort, remotePort))) return undefined;
  const answer = new Uint8Array(ANSWER_BYTES);
  const view = new DataView(answer.buffer);
  // An answer to an earlier question, which was not taken then, is passed over.
  while (asker.receive(answer) >= HEADER_BYTES) {
    if (view.getUint32(8, IS_LITTLE) !== lastSequence) continue;
    if (view.getUint16(4, IS_LITTLE) === NLMSG_ERROR) return undefined;
    const isAsked = view.getUint16(20) === localPort && view.getUint16(22) === remotePort;
    const inode = view.getUint32(INODE_AT, IS_LITTLE);
    return isAsked && inode !== 0 ? String(inode) : undefined;
  }
  return undefined;
}
