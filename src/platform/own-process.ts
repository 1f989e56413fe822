/**
 * Whether this pid is a live process of this user. After a crash another user's program may listen where the daemon did: the token
 * is only sent while the process that wrote the record lives, for then its port is its own.
 */
export function isOwnProcess(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // Gone, or somebody else's by now.
    return false;
  }
}
