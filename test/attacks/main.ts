import { daemonProcess } from "../support/daemon-process.ts";
import { helped } from "../support/helped.ts";
import { fuzz } from "./fuzz.ts";

/** `npm run test:attacks -- [--frames N] [--seed N]`: frames made from the schemas, against a real daemon. */
function number(flag: string, otherwise: number): number {
  const at = process.argv.indexOf(flag);
  if (at < 0) return otherwise;
  const value = Number(process.argv[at + 1]);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${flag} wants a whole number above 0.`);
  return value;
}

helped(`
npm run test:attacks -- [options]: frames drawn from the schemas, against a real daemon.

  --frames N   how many (1000000, some six minutes)
  --seed N     draw the same ones again
`);

const frames = number("--frames", 1_000_000);
const seed = number("--seed", Math.floor(Math.random() * 1e9) + 1);
const startedAt = performance.now();
{
  await using daemon = await daemonProcess();
  const report = await fuzz(daemon, {
    frames,
    seed,
    onProgress: (sent, rss) => process.stderr.write(`${sent} frames, most ${rss.toFixed(0)} MB\n`),
  });
  console.log(JSON.stringify({ ...report, seconds: Math.round((performance.now() - startedAt) / 1000) }));
}
