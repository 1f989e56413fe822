import { damaged, fullDisk, readOnly } from "./disk.ts";
import { burst, slowReader, storm, tooMany } from "./load.ts";
import type { Scene } from "./scene.ts";
import { clockJumps, portTaken, sleepAndWake } from "./time.ts";

export { Skip } from "./scene.ts";

/** The slow one first: the others run in the meantime. */
export const SCENES: readonly Scene[] = [
  sleepAndWake,
  fullDisk,
  readOnly,
  damaged,
  clockJumps,
  portTaken,
  burst,
  slowReader,
  storm,
  tooMany,
];
