import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type * as v from "valibot";
import { askedRate, reading } from "../features/dashboard/shape.ts";
import { readControl, readTick, readView } from "../features/guarantees/shape.ts";
import { readVisitorState } from "../features/notifications/members.ts";
import { entry } from "../features/notifications/shape.ts";
import { command, match, race } from "../features/scores/shape.ts";
import { addSample, type SamplesByHost } from "../features/system/sample.ts";
import * as system from "../features/system/shape.ts";
import { readShape } from "../lib/shape.ts";

const reader = (schema: v.GenericSchema) => (data: unknown) => readShape(schema, data);

const id = "0123456789abcdef0123456789abcdef";
const by = { person: id, name: "Ada" };
const sample = {
  host: "a",
  time: 1,
  cores: [1],
  load: [1],
  memory: { used: 1, total: 2, process: 1 },
  eventLoop: { p50: 1, p99: 2 },
  disk: { read: null, written: 1 },
  network: { received: null, sent: 1 },
};
/** Each parser with accepted data, and with the same data wrong in one place. */
const readers: [name: string, read: (data: unknown) => unknown, good: object, bad: unknown[]][] = [
  [
    "a reading",
    reader(reading),
    { id: "cpu", value: 1, run: 1, count: 1 },
    [
      { id: "__proto__", value: 1, run: 1, count: 1 },
      { id: "cpu", value: 1e300, run: 1, count: 1 },
      { id: "cpu", value: null, run: 1, count: 1 },
    ],
  ],
  ["a rate", reader(askedRate), { perSecond: 200 }, [{ perSecond: 1e300 }, { perSecond: -1 }, {}]],
  [
    "an entry",
    reader(entry),
    { kind: "chat", by, text: "Hello" },
    [
      { kind: "chat", by: null, text: "Hello" },
      { kind: "chat", by, text: { toString: 1 } },
      { kind: "toString", by },
      { kind: "chat", by, text: "x".repeat(10_000) },
    ],
  ],
  [
    "a member's state",
    readVisitorState,
    { name: "Ada", status: "here" },
    [
      { name: "A\u202Eda", status: "here" },
      { name: "x".repeat(33), status: "here" },
      { name: "Ada", status: "constructor" },
    ],
  ],
  [
    "a sample",
    reader(system.sample),
    sample,
    [
      { ...sample, host: "__proto__" },
      { ...sample, cores: "many" },
      { ...sample, memory: null },
      { ...sample, time: 1e300 },
    ],
  ],
  [
    "a line",
    reader(system.logLine),
    { host: "a", level: "info", text: "x", time: 1 },
    [
      { host: "a", level: "info", text: "x", time: 1e300 },
      { host: "a", level: "valueOf", text: "x", time: 1 },
    ],
  ],
  [
    "a command",
    reader(command),
    { kind: "goal", team: "home" },
    [{ kind: "goal" }, { kind: "half-time" }, { kind: "goal", team: "__proto__" }],
  ],
  ["a tick", readTick, { n: 1 }, [{ n: 1e300 }, { n: null }, { n: 1.5 }]],
  [
    "a server's view",
    readView,
    { lag: 1, messages: 1, bytes: 1, historyBytes: 1, maxHistoryBytes: 2 },
    [{ lag: 1e300, messages: 1, bytes: 1, historyBytes: 1, maxHistoryBytes: 2 }, { lag: 1 }],
  ],
  ["a control", readControl, { kind: "cut" }, [{ kind: "explode" }, null]],
];

describe.each(readers)("%s from the bus", (_, read, good, bad) => {
  it("is read unchanged", () => {
    expect(read(good)).toEqual(good);
  });

  it("is skipped when it has another shape", () => {
    for (const data of bad) expect([data, read(data)]).toEqual([data, undefined]);
  });

  it("is skipped without an error, whatever it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        // Data that passes has the shape, which is very unlikely by chance.
        const value = read(data);
        expect(value === undefined || typeof value === "object").toBe(true);
      }),
    );
  });
});

it("a match with a malformed cursor is skipped, because no instance could continue it", () => {
  const known = {
    id: "1",
    isPlaying: true,
    clock: { elapsedMs: 0, since: null },
    score: { home: 0, away: 0 },
    events: [],
  };
  expect(readShape(match, known)).toEqual(known);
  expect(readShape(match, { ...known, appliedTo: "not a cursor" })).toBeUndefined();
  const clock = { elapsedMs: 1e300, since: null };
  expect(readShape(match, { ...known, clock })).toBeUndefined();
  expect(readShape(race, { id: "1", clock: known.clock, runners: [] })).toBeUndefined();
});

describe("well-formed data that is wrong", () => {
  it("a sample from a clock that is ahead does not remove other machines", () => {
    let all: SamplesByHost = {};
    all = addSample(all, { ...sample, host: "honest" }, 1_000);
    all = addSample(all, { ...sample, host: "ahead", time: 8e15 }, 2_000);
    all = addSample(all, { ...sample, host: "honest" }, 3_000);
    expect(Object.keys(all).toSorted()).toEqual(["ahead", "honest"]);
    expect(all["ahead"]?.at(-1)?.time).toBe(2_000);
  });

  it("a flood of machines keeps the most recent ones", () => {
    let all: SamplesByHost = {};
    for (let one = 0; one < 200; one++) {
      all = addSample(all, { ...sample, host: `m${one}` }, 1_000 + one);
    }
    expect(Object.keys(all)).toHaveLength(32);
    expect(all["m199"]).toHaveLength(1);
  });
});
