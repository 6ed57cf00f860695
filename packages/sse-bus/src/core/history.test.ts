import { expect, test } from "vitest";
import { assertCount, createHistoryResolver } from "./history.ts";

const DEFAULTS = { maxMessages: 1000, maxAgeMs: 3_600_000, maxBytes: 16_777_216 };

test("without options every channel has the documented limits", () => {
  expect(createHistoryResolver()("any/channel")).toEqual(DEFAULTS);
});

test("a channel's own limits apply first, then those of the first pattern that covers it, then the defaults", () => {
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

test("a channel may keep nothing, and all limits may be Infinity", () => {
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
])("%j is rejected, and the error names %s", (options, name) => {
  expect(() => createHistoryResolver(options)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(name) }),
  );
});

test("limits for an invalid channel or pattern are rejected", () => {
  expect(() => createHistoryResolver({ channels: { "a b": {} } })).toThrow(
    expect.objectContaining({ code: "INVALID_CHANNEL" }),
  );
});

test("reserved channels have limits of their own, which the options cannot change", () => {
  const resolve = createHistoryResolver({ maxMessages: 1, maxAgeMs: 1, maxBytes: 1 });
  expect(resolve("~presence/a")).toEqual({
    maxMessages: 10_000,
    maxAgeMs: 300_000,
    maxBytes: 4_194_304,
  });
  expect(resolve("~control").maxAgeMs).toBeGreaterThanOrEqual(60_000);
  for (const topic of ["~control", "~presence/a", "~presence/*"]) {
    expect(() => createHistoryResolver({ channels: { [topic]: {} } })).toThrow(
      expect.objectContaining({ code: "INVALID_CHANNEL" }),
    );
  }
});

test("a count is an integer of at least its minimum, or Infinity", () => {
  for (const good of [1, 2, Number.POSITIVE_INFINITY]) {
    expect(() => assertCount(good, "n")).not.toThrow();
  }
  for (const bad of [0, -1, 1.5, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 53]) {
    expect(() => assertCount(bad, "n")).toThrow(/`n` must be an integer of at least 1/);
  }
});
