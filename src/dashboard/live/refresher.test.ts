import { expect, test } from "bun:test";
import { createRefresher } from "./refresher.ts";

test("loads at once, never two at a time, and once more for all that came meanwhile", async () => {
  let open: (() => void) | undefined;
  let loads = 0;
  const refresher = createRefresher(
    () => {
      loads++;
      return new Promise((resolve) => {
        open = resolve;
      });
    },
    0,
    () => {},
  );
  refresher.trigger();
  expect(loads).toBe(1);
  for (let n = 0; n < 5; n++) refresher.trigger();
  expect(loads).toBe(1);
  open?.();
  await Bun.sleep(5);
  expect(loads).toBe(2);
  open?.();
  await Bun.sleep(5);
  expect(loads).toBe(2);
});

test("what fails is told, and tried again when asked", async () => {
  const errors: unknown[] = [];
  let fails = true;
  const refresher = createRefresher(
    async () => {
      if (fails) throw new Error("not now");
    },
    0,
    (error) => errors.push(error),
  );
  await refresher.now();
  expect(errors).toHaveLength(1);
  fails = false;
  await refresher.now();
  expect(errors).toHaveLength(1);
});
