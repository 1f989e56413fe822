import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { tempHome } from "../../test/support/temp-home.ts";
import type { HookReport } from "../protocol/index.ts";
import { sessionStartOf } from "./hook-session.ts";

// @req circles.from
test("a session that a hook tells of first has its circle and name from its environment, else from its repository's file", () => {
  using folder = tempHome();
  mkdirSync(folder.file(".git"));
  writeFileSync(folder.file(".git/HEAD"), "ref: refs/heads/main\n");
  writeFileSync(folder.file(".repowire.yaml"), "name: shop\ncircle: dev\n");
  mkdirSync(folder.file("below"));
  const start = (given: Partial<HookReport>) =>
    sessionStartOf("gemini", given as HookReport, folder.file("below"), "id", undefined);
  expect(start({})).toMatchObject({ name: "shop", circle: "dev" });
  expect(start({ circle: "ops" })).toMatchObject({ name: "shop", circle: "ops" });
  expect(start({ name: "till" })).toMatchObject({ name: "till", circle: "dev" });
});
