/** Looks until there is something to see; rejects with `what` when there never is. For conditions of other processes. */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`never seen in ${timeoutMs} ms: ${what}`);
    await Bun.sleep(10);
  }
}
