import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { STORES } from "../../test/contract/stores.ts";
import { countedIds } from "../../test/support/counted-ids.ts";
import { createMesh, type MeshHarness } from "../../test/support/mesh-harness.ts";
import { virtualClock } from "../../test/support/virtual-clock.ts";
import { calendar } from "../platform/calendar.ts";
import { LIMITS, type MissedPolicy, type PeerId } from "../protocol/index.ts";

const MINUTE = 60_000;
const NIGHT_MINUTES = 10 * 60;

/** One wish: when, and what becomes of it when that is missed. */
const Wish = fc.record({
  missed: fc.constantFrom<MissedPolicy>("run_once", "skip"),
  when: fc.oneof(
    fc.integer({ min: 1, max: NIGHT_MINUTES - 1 }).map((minutes) => ({ minutes })),
    fc.integer({ min: 7, max: 59 }).map((step) => ({ cron: `*/${step} * * * *` })),
    fc.integer({ min: 0, max: 59 }).map((minute) => ({ cron: `${minute} * * * *` })),
  ),
});
/** The daemon is killed before this minute, and is back after so many. */
const Death = fc.record({
  minute: fc.integer({ min: 1, max: NIGHT_MINUTES - 90 }),
  gone: fc.constantFrom(0, 0, 3, 45),
});

type Wish = typeof Wish extends fc.Arbitrary<infer T> ? T : never;
type Death = typeof Death extends fc.Arbitrary<infer T> ? T : never;

/** The minutes of the night that the daemon works in, its looks one a minute. */
function workingMinutes(deaths: Death[]): number[] {
  const minutes: number[] = [];
  const at = new Map(deaths.map(({ minute, gone }) => [minute, gone]));
  for (let minute = 1; minute <= NIGHT_MINUTES; minute++) {
    minute += at.get(minute) ?? 0;
    if (minute <= NIGHT_MINUTES) minutes.push(minute);
  }
  return minutes;
}

/** How often it ought to come, said again in the plainest way. */
function expectedCount({ when, missed }: Wish, looks: number[], start: number): number {
  const isLate = (due: number, look: number) => look - due > LIMITS.scheduleLateMs;
  const times = looks.map((minute) => start + minute * MINUTE);
  let next = "minutes" in when ? start + when.minutes * MINUTE : calendar.next(when.cron, "UTC", start);
  let count = 0;
  for (const look of times) {
    if (next === undefined || next > look) continue;
    if (!isLate(next, look) || missed === "run_once") count++;
    next = "minutes" in when ? undefined : calendar.next(when.cron, "UTC", look);
  }
  return count;
}

describe.each(STORES)(
  "a night of ten hours, many scheduled messages, and a daemon that dies in it: %s",
  (_name, open) => {
    // @req schedule.once
    // @req schedule.missed
    test("each comes as often as it ought to, whatever dies in between", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(Wish, { minLength: 10, maxLength: 24 }),
          fc.uniqueArray(Death, { maxLength: 3, selector: ({ minute }) => minute }),
          async (wishes, deaths) => {
            using opened = open();
            const clock = virtualClock();
            const ids = countedIds();
            const start = clock.now().wall;
            const boot = () => createMesh({ store: opened.store, clock, ids });
            let mesh: MeshHarness = boot();
            const makers: PeerId[] = [];
            for (let n = 0; n < 4; n++) makers.push(await mesh.join(`maker-${n}`));
            const backend = await mesh.join("backend");
            for (const [n, { missed, when }] of wishes.entries())
              await mesh.call(makers[n % makers.length] ?? backend, "schedule", {
                peer: "backend",
                text: `wish ${n}`,
                when: "minutes" in when ? `${when.minutes}m` : `cron ${when.cron}`,
                missed,
                zone: "UTC",
              });
            const looks = workingMinutes(deaths);
            const got = new Map<string, number>();
            await mesh.openPush(backend);
            let before = 0;
            for (const minute of looks) {
              const dies = deaths.some((death) => before < death.minute && death.minute <= minute);
              if (dies) {
                // What was handed over and not reported goes again, by its lease; here all of it was reported.
                clock.advance((minute - before - 1) * MINUTE);
                mesh = boot();
                await mesh.openPush(backend);
              }
              await mesh.advance(MINUTE);
              // Six wishes of each maker: the pace at which missed ones come lets all of them through at once.
              for (const { body } of await mesh.present(backend)) got.set(body, (got.get(body) ?? 0) + 1);
              before = minute;
            }
            const expected = wishes.map((wish) => expectedCount(wish, looks, start));
            expect(wishes.map((_, n) => got.get(`wish ${n}`) ?? 0)).toEqual(expected);
            expect(mesh.faults).toEqual([]);
          },
        ),
        { numRuns: 2 },
      );
    }, 60_000);
  },
);
