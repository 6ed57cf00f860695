import { expect, test } from "vitest";
import { slotOf } from "./cluster-slot.ts";

// The output of `CLUSTER KEYSLOT` of Redis 7.0.
test.each([
  ["123456789", 12739],
  ["foo", 12182],
  ["sse-bus", 12175],
  ["größe", 9425],
])("the slot of %j is the server's", (tag, slot) => {
  expect(slotOf(tag)).toBe(slot);
});
