import { expect, test } from "bun:test";
import { MessageId } from "../../protocol/index.ts";
import { newDraft, newMessageId, withFiles } from "./drafts.ts";

test("a message's id is one that the daemon takes, and later ones sort later", () => {
  const ids = Array.from({ length: 100 }, (_, at) => newMessageId(1_700_000_000_000 + at));
  for (const id of ids) expect(MessageId.parse(id)).toBe(id);
  expect(ids[0]).toMatch(/^msg_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(100);
});

test("sent again as it was, a draft is the same message; with other files it is another", () => {
  const first = withFiles(newDraft(), ["k7q2x"]);
  expect(withFiles(first, ["k7q2x"]).message).toBe(first.message);
  const other = withFiles(first, ["k7q2x", "m3xdp"]);
  expect(other.message).not.toBe(first.message);
  expect(withFiles(other, []).message).not.toBe(other.message);
});
