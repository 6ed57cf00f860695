import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readRate, readReading } from "../features/dashboard/shape.ts";
import { readControl, readSnapshot, readTick } from "../features/inspector/shape.ts";
import { readEntry, readPublishedHeartbeat } from "../features/notifications/shape.ts";
import { addHeartbeat, presentAt } from "../features/notifications/presence.ts";
import { addJob } from "../features/progress/job.ts";
import { readBuildLine, readCancellation, readJob } from "../features/progress/shape.ts";
import { readCommand, readMatch, readRace } from "../features/scores/read-state.ts";
import { addSample, type SamplesByHost } from "../features/system/sample.ts";
import { readLogLine, readSample } from "../features/system/shape.ts";

const id = "0123456789abcdef0123456789abcdef";
const uuid = "123e4567-e89b-42d3-a456-426614174000";
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
const job = {
  id: uuid,
  kind: "task",
  title: "A task",
  status: "running",
  done: 1,
  total: 2,
  startedAt: 5,
};

/** Each reader with what it accepts, and with the same spoiled in one place. */
const readers: [name: string, read: (data: unknown) => unknown, good: object, bad: unknown[]][] = [
  [
    "a reading",
    readReading,
    { id: "cpu", value: 1, run: 1, count: 1 },
    [
      { id: "__proto__", value: 1, run: 1, count: 1 },
      { id: "cpu", value: 1e300, run: 1, count: 1 },
      { id: "cpu", value: null, run: 1, count: 1 },
    ],
  ],
  ["a rate", readRate, { perSecond: 200 }, [{ perSecond: 1e300 }, { perSecond: -1 }, {}]],
  [
    "an entry",
    readEntry,
    { kind: "chat", by, text: "Hello" },
    [
      { kind: "chat", by: null, text: "Hello" },
      { kind: "chat", by, text: { toString: 1 } },
      { kind: "toString", by },
      { kind: "chat", by, text: "x".repeat(10_000) },
    ],
  ],
  [
    "a heartbeat",
    readPublishedHeartbeat,
    { ...by, window: id, turn: 1, status: "here" },
    [
      { ...by, window: "__proto__", turn: 1, status: "here" },
      { ...by, window: id, turn: 1e300, status: "here" },
      { ...by, window: id, turn: 1, status: "constructor" },
    ],
  ],
  [
    "a job",
    readJob,
    job,
    [
      { ...job, startedAt: 1e300 },
      { ...job, id: "__proto__" },
      { ...job, kind: "other" },
    ],
  ],
  ["a build line", readBuildLine, { job: uuid, text: "ok" }, [{ job: uuid }, { job: 1, text: "" }]],
  ["a cancellation", readCancellation, { id: uuid }, [{ id: 1 }, "x"]],
  [
    "a sample",
    readSample,
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
    readLogLine,
    { host: "a", level: "info", text: "x", time: 1 },
    [
      { host: "a", level: "info", text: "x", time: 1e300 },
      { host: "a", level: "valueOf", text: "x", time: 1 },
    ],
  ],
  [
    "a command",
    readCommand,
    { kind: "goal", team: "home" },
    [{ kind: "goal" }, { kind: "half-time" }, { kind: "goal", team: "__proto__" }],
  ],
  ["a tick", readTick, { n: 1 }, [{ n: 1e300 }, { n: null }, { n: 1.5 }]],
  ["a control", readControl, { kind: "cut" }, [{ kind: "explode" }, null]],
];

describe.each(readers)("%s from the bus", (_, read, good, bad) => {
  it("is read as it was published", () => {
    expect(read(good)).toEqual(good);
  });

  it("is skipped when it has another shape", () => {
    for (const data of bad) expect([data, read(data)]).toEqual([data, undefined]);
  });

  it("is skipped without an error, whatever it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        // Anything that passes has the shape: hardly ever, by chance.
        const value = read(data);
        expect(value === undefined || typeof value === "object").toBe(true);
      }),
    );
  });
});

it("a match with a malformed cursor is skipped, because no instance could continue it", () => {
  const match = {
    id: "1",
    isPlaying: true,
    clock: { elapsedMs: 0, since: null },
    score: { home: 0, away: 0 },
    events: [],
  };
  expect(readMatch(match)).toEqual(match);
  expect(readMatch({ ...match, appliedTo: "not a cursor" })).toBeUndefined();
  expect(readMatch({ ...match, clock: { elapsedMs: 1e300, since: null } })).toBeUndefined();
  expect(readRace({ id: "1", clock: match.clock, runners: [] })).toBeUndefined();
});

it("a snapshot of another version is skipped", () => {
  for (const data of [null, {}, { instance: "a", time: 1 }]) {
    expect(readSnapshot(data)).toBeUndefined();
  }
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

  it("a job cannot start after its message was published", () => {
    const forged = readJob({ ...job, startedAt: 8e15 });
    expect(forged && addJob({}, forged, 7_000)[uuid]?.startedAt).toBe(7_000);
  });

  it("a flood of windows keeps the most recent ones", () => {
    const heartbeats = Array.from({ length: 2_000 }, (_, window) => ({
      ...by,
      window: String(window),
      turn: 0,
      status: "here" as const,
      time: 1_000,
    }));
    const presence = heartbeats.reduce(addHeartbeat, {});
    expect(Object.keys(presence)).toHaveLength(500);
    expect(presentAt(presence, 1_000)).toHaveLength(1);
  });
});
