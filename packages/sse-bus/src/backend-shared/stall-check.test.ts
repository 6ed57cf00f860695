import { expect, test } from "vitest";
import { createStallCheck } from "./stall-check.ts";

test("a late call reports a stall, and the next call on time does not", () => {
  let time = 0;
  const stalled = createStallCheck(100, () => time);
  const after = (ms: number): boolean => {
    time += ms;
    return stalled();
  };
  expect([100, 120, 400, 100, 1000, 90].map(after)).toEqual([
    false,
    false,
    true,
    false,
    true,
    false,
  ]);
});
