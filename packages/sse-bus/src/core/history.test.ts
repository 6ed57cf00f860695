import { expect, test } from "vitest";
import { assertCount, createHistoryResolver } from "./history.ts";

const DEFAULTS = { maxMessages: 1000, maxAgeMs: 3_600_000, maxBytes: 16_777_216 };

test("without options every channel has the documented limits", () => {
  expect(createHistoryResolver()("any/channel")).toEqual(DEFAULTS);
});

test("a channel's own limits win, then the first pattern that covers it, then the common ones", () => {
  const resolve = createHistoryResolver({
    maxMessages: 5,
    channels: {
      "orders/**": { maxMessages: 20 },
      "orders/*": { maxMessages: 30 },
      "orders/42": { maxAgeMs: 1 },
    },
  });
  expect(resolve("orders/42")).toEqual({ ...DEFAULTS, maxMessages: 5, maxAgeMs: 1 });
  expect(resolve("orders/1")).toEqual({ ...DEFAULTS, maxMessages: 20 });
  expect(resolve("orders/1/lines")).toEqual({ ...DEFAULTS, maxMessages: 20 });
  expect(resolve("other")).toEqual({ ...DEFAULTS, maxMessages: 5 });
});

test("a channel may keep nothing, and all may be without bound", () => {
  const unbounded = Number.POSITIVE_INFINITY;
  const resolve = createHistoryResolver({
    maxMessages: 0,
    maxAgeMs: unbounded,
    maxBytes: unbounded,
  });
  expect(resolve("a")).toEqual({ maxMessages: 0, maxAgeMs: unbounded, maxBytes: unbounded });
});

test.each([
  [{ maxMessages: -1 }, "history.maxMessages"],
  [{ maxMessages: 1.5 }, "history.maxMessages"],
  [{ maxMessages: Number.NaN }, "history.maxMessages"],
  [{ maxAgeMs: 0 }, "history.maxAgeMs"],
  [{ maxBytes: 0 }, "history.maxBytes"],
  [{ maxBytes: "1" as unknown as number }, "history.maxBytes"],
  [{ channels: { "a/*": { maxMessages: -1 } } }, 'history.channels["a/*"].maxMessages'],
])("%j is refused, naming %s", (options, name) => {
  expect(() => createHistoryResolver(options)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(name) }),
  );
});

test("limits for what is no channel or pattern are refused", () => {
  expect(() => createHistoryResolver({ channels: { "a b": {} } })).toThrow(
    expect.objectContaining({ code: "INVALID_CHANNEL" }),
  );
});

test("a count is an integer of at least its minimum, or infinity", () => {
  for (const good of [1, 2, Number.POSITIVE_INFINITY]) {
    expect(() => assertCount(good, "n")).not.toThrow();
  }
  for (const bad of [0, -1, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 53]) {
    expect(() => assertCount(bad, "n")).toThrow(/`n` must be an integer of at least 1/);
  }
});
