import { readFileSync } from "node:fs";

/**
 * Loaded into the daemon's process before its program: the wall clock as somebody sets it. No privilege can do that to one process
 * alone; the monotonic clock stays true, as it does when a real clock is set.
 */
const file = process.env.FAULTS_CLOCK ?? "";
const RealDate = Date;
const realNow = Date.now.bind(Date);
let shift = 0;

setInterval(() => {
  try {
    shift = Number(readFileSync(file, "utf8"));
  } catch {
    // Being written.
  }
}, 50).unref();

const now = () => realNow() + shift;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, given) => (given.length === 0 ? new target(now()) : Reflect.construct(target, given)),
  get: (target, key) => (key === "now" ? now : Reflect.get(target, key)),
});
