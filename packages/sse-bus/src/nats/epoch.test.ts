import { expect, test } from "vitest";

import { formatCursor, parseCursor } from "../core/position.ts";
import { epochOf, withNewEpoch } from "./epoch.ts";

const config = { name: "bus", max_age: 0, max_msgs_per_subject: -1, description: "A log" };

test("two streams created within a microsecond have different epochs", () => {
  const epochs = [
    "2026-11-23T01:33:01.583148117Z",
    "2026-11-23T01:33:01.583148118Z",
    "2026-11-23T01:33:01.58314811Z",
    "2026-11-23T01:33:01Z",
    "2026-11-23T02:33:02+01:00",
  ].map((created) => epochOf({ created, config }));
  expect(new Set(epochs).size).toBe(epochs.length);
});

test("the same moment in another time zone, or without trailing zeros, is the same epoch", () => {
  const [first, ...others] = [
    "2026-11-23T01:33:01.5Z",
    "2026-11-23T01:33:01.500000000Z",
    "2026-11-23T02:33:01.5+01:00",
  ].map((created) => epochOf({ created, config }));
  expect(others).toEqual([first, first]);
});

test("a stream that lost messages gets a different epoch each time, and keeps its description", () => {
  const created = "2099-12-31T23:59:59.999999999Z";
  const once = withNewEpoch(config);
  const twice = withNewEpoch(once);
  const epochs = [config, once, twice].map((each) => epochOf({ created, config: each }));
  expect(new Set(epochs).size).toBe(3);
  expect(twice.description).toMatch(/^A log \(epoch [0-9a-z]{4}\)$/);
  for (const epoch of epochs) {
    const text = formatCursor({ seq: 1, time: 2 }, epoch);
    expect(parseCursor(text)).toEqual({ seq: 1, time: 2, epoch });
  }
});
