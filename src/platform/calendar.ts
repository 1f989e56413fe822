import { Cron } from "croner";

/** Times and cron patterns by the library croner, which knows zones and their summer times. */
export const calendar = {
  zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  isZone(zone: string): boolean {
    try {
      return Boolean(new Intl.DateTimeFormat("en", { timeZone: zone }));
    } catch {
      return false;
    }
  },
  next: (pattern: string, zone: string, after: number): number | undefined =>
    new Cron(pattern, { timezone: zone, mode: "5-part" }).nextRun(new Date(after))?.getTime(),
  at(local: string, zone: string): number | undefined {
    try {
      return new Cron(local, { timezone: zone }).nextRun(new Date(0))?.getTime();
    } catch {
      return undefined;
    }
  },
};
