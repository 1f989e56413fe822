import type { FaultDriver } from "./driver.ts";
import { CrowdSetup } from "./orders.ts";

/** Many peers in one process, `atOnce` of them on their way together; tells its parent of each that joined. */
const { driver: file, spec, run, size, atOnce } = CrowdSetup.parse(JSON.parse(process.env.FAULTS_PEER ?? "{}"));
const { driver } = (await import(file)) as { driver: FaultDriver }; // the suite's own choice of file
process.on("disconnect", () => process.exit(0));

let begun = 0;
async function joinOneAfterAnother(): Promise<void> {
  while (begun < size) {
    const name = `${run}-${begun++}`;
    await driver.join({ ...spec, name, key: name }, () => {});
    process.send?.("joined");
  }
}
await Promise.all(Array.from({ length: Math.min(atOnce, size) }, joinOneAfterAnother));
