import { expect, test } from "vitest";

import { takeUploadSlot } from "../features/progress/upload-slots.ts";

test("a visitor has two uploads at a time, so that others have slots", () => {
  const first = takeUploadSlot("a");
  const second = takeUploadSlot("a");
  expect(first && second).toBeDefined();
  expect(takeUploadSlot("a")).toBeUndefined();
  const other = takeUploadSlot("b");
  expect(other).toBeDefined();

  first?.();
  first?.();
  const third = takeUploadSlot("a");
  expect(third).toBeDefined();
  expect(takeUploadSlot("a")).toBeUndefined();
  for (const release of [second, third, other]) release?.();
});
