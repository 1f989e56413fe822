import { type Mesh, OPERATION_NAMES, RepowireError } from "../protocol/index.ts";
import type { Link } from "./link.ts";

/** The operations through a link that may not be there yet: they work as soon as it is. */
export function throughLink(link: () => Link | undefined): Mesh {
  return Object.fromEntries(
    OPERATION_NAMES.map((name) => [
      name,
      (input: never, options: never) => {
        const current = link();
        if (!current)
          throw new RepowireError("unavailable", "repowire is still starting in this session. Try again in a second.");
        const call = current.mesh[name] as (input: never, options: never) => Promise<unknown>;
        return call(input, options);
      },
    ]),
  ) as unknown as Mesh; // every name is there, each passed on to the link's own
}
