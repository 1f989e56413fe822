import { writeFileSync } from "node:fs";
import { findDaemon, httpMesh, httpUrl } from "../../src/client/index.ts";
import { repowireHome } from "../../src/platform/paths.ts";
import type { OperationInput } from "../../src/protocol/index.ts";

/**
 * Searches as a person at a terminal does, since only people find everything: `QUERIES.json OUT.json`. Each query, a bare `/health`
 * and `whoami` (which asks of the same caller what a search asks, and searches nothing) in turn, over the same HTTP door; the
 * milliseconds of each, and how much was found, go to OUT.
 */
export interface SearchTimes {
  searches: { name: string; ms: number; found: number }[];
  healthMs: number[];
  whoamiMs: number[];
}

export interface NamedQuery {
  name: string;
  input: OperationInput<"search">;
}

async function main(queriesFile: string, out: string): Promise<void> {
  const queries = (await Bun.file(queriesFile).json()) as NamedQuery[]; // the bench wrote them
  const address = await findDaemon(repowireHome());
  if (!address) throw new Error("no daemon");
  const mesh = httpMesh(address);
  const health = () =>
    fetch(httpUrl(address, "/health"), { headers: { authorization: `Bearer ${address.token}` } }).then((r) => r.text());
  const times: SearchTimes = { searches: [], healthMs: [], whoamiMs: [] };
  for (const { name, input } of queries) {
    const from = performance.now();
    const page = await mesh.search(input);
    const between = performance.now();
    await health();
    const after = performance.now();
    await mesh.whoami({});
    times.searches.push({ name, ms: between - from, found: page.messages.length });
    times.healthMs.push(after - between);
    times.whoamiMs.push(performance.now() - after);
  }
  writeFileSync(out, JSON.stringify(times));
}

const [queries, out] = process.argv.slice(2);
if (import.meta.main && queries && out) await main(queries, out);
