import fc from "fast-check";
import { expect, test } from "vitest";

import { coversLimits, largerLimits, limitsFor } from "./retention.ts";

const forever = Number.POSITIVE_INFINITY;
const count = fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.constant(forever));
const history = fc.record({ maxMessages: count, maxAgeMs: count, maxBytes: count });

test("the stream keeps one message more than history, which shows the horizon", () => {
  expect(limitsFor({ maxMessages: 5000, maxAgeMs: 60_000, maxBytes: 1 })).toEqual({
    max_msgs_per_subject: 5001,
    max_age: 60_000_000_000,
  });
});

test("with a short history, the stream still keeps a burst until it is delivered", () => {
  const { max_msgs_per_subject } = limitsFor({ maxMessages: 0, maxAgeMs: 1, maxBytes: 1 });
  expect(max_msgs_per_subject).toBe(1001);
});

test("the larger of two limits covers both, and no limit covers all", () => {
  fc.assert(
    fc.property(history, history, (a, b) => {
      const both = largerLimits(limitsFor(a), limitsFor(b));
      expect(coversLimits(both, limitsFor(a))).toBe(true);
      expect(coversLimits(both, limitsFor(b))).toBe(true);
      expect(coversLimits({ max_age: 0, max_msgs_per_subject: -1 }, both)).toBe(true);
    }),
  );
});

test("a smaller limit does not cover a larger one, and no limit covers unlimited", () => {
  const hour = { max_age: 3600, max_msgs_per_subject: 100 };
  expect(coversLimits(hour, { ...hour, max_age: 3601 })).toBe(false);
  expect(coversLimits(hour, { ...hour, max_msgs_per_subject: 101 })).toBe(false);
  expect(coversLimits(hour, { ...hour, max_age: 0 })).toBe(false);
  expect(coversLimits(hour, { ...hour, max_msgs_per_subject: -1 })).toBe(false);
});
