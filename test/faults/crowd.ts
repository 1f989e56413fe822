import type { FaultDriver } from "./driver.ts";
import { PeerSetup } from "./orders.ts";

/** Many peers in one process, all at once; tells its parent how many joined. */
const setup = PeerSetup.parse(JSON.parse(process.env.FAULTS_PEER ?? "{}"));
const { driver } = (await import(setup.driver)) as { driver: FaultDriver }; // the suite's own choice of file
process.on("disconnect", () => process.exit(0));
let joined = 0;
for (let i = 0; i < Number(setup.run); i++)
  void driver
    .join({ ...setup.spec, name: `crowd-${i}`, key: `crowd-${i}` }, () => {})
    .then(() => process.send?.(++joined));
