import { expect, test } from "bun:test";
import { createMesh } from "../../../test/support/mesh-harness.ts";
import { LIMITS, PAGE_HEADER } from "../../protocol/index.ts";
import { cookieName, createLogins } from "./logins.ts";

const PORT = 8377;

function scene() {
  const { engine } = createMesh();
  const clock = { at: 1_000 };
  const logins = createLogins({ engine, now: () => clock.at });
  const request = (cookie: string, page: string) =>
    new Request("http://x/", { headers: { cookie: `other=1; ${cookieName(PORT)}=${cookie}`, [PAGE_HEADER]: page } });
  return { clock, logins, request };
}

// @req dashboard.login-once
test("a code logs in once, and only while it is fresh", async () => {
  const { clock, logins } = scene();
  const { code, expiresAt } = logins.issue("a shell");
  expect(expiresAt).toBe(1_000 + LIMITS.loginLinkMs);
  expect((await logins.redeem(code)).record.made_by).toBe("a shell");
  await expect(logins.redeem(code)).rejects.toThrow("used already");

  const late = logins.issue("a shell");
  clock.at = late.expiresAt;
  await expect(logins.redeem(late.code)).rejects.toThrow("too old");
  await expect(logins.redeem("a guess")).rejects.toThrow("used already");
});

test("a login needs both its halves, ends after its time, and is not another port's", async () => {
  const { clock, logins, request } = scene();
  const one = await logins.redeem(logins.issue("a").code);
  const two = await logins.redeem(logins.issue("b").code);
  expect(logins.of(request(one.cookie, one.page), PORT)?.id).toBe(one.record.id);
  expect(logins.of(request(one.cookie, two.page), PORT)).toBeUndefined();
  expect(logins.of(request(one.cookie, ""), PORT)).toBeUndefined();
  expect(logins.of(request("", one.page), PORT)).toBeUndefined();
  expect(logins.of(request(`${one.record.id}.guess`, one.page), PORT)).toBeUndefined();
  expect(logins.of(request(one.cookie, one.page), PORT + 1)).toBeUndefined();
  await logins.end(two.record.id);
  expect(logins.of(request(two.cookie, two.page), PORT)).toBeUndefined();
  clock.at = one.record.expires_at;
  expect(logins.of(request(one.cookie, one.page), PORT)).toBeUndefined();
});

test("links and logins are few: a new one ends the oldest", async () => {
  const { clock, logins, request } = scene();
  const codes = Array.from({ length: LIMITS.loginLinksMax + 1 }, () => logins.issue("a").code);
  await expect(logins.redeem(codes[0] ?? "")).rejects.toThrow("used already");
  const made = [];
  for (let n = 0; n <= LIMITS.loginsMax; n++) {
    clock.at++;
    made.push(await logins.redeem(logins.issue("a").code));
  }
  const isIn = ({ cookie, page }: { cookie: string; page: string }) =>
    logins.of(request(cookie, page), PORT) !== undefined;
  expect(made.map(isIn)).toEqual([false, ...Array(LIMITS.loginsMax).fill(true)]);
});
