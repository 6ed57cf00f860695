import { defineLive } from "sse-bus";
import { addSample, keptLines, type LogState, type SamplesByHost } from "./sample";
import { logLine, sample } from "./shape";

const noSamples: SamplesByHost = {};
const noLines: LogState = { count: 0, last: [] };

/** Two minutes of samples of every machine. */
export const samples = defineLive({
  channel: "system/samples",
  event: "sample",
  initial: noSamples,
  reduce: (all, sample, { time }) => addSample(all, sample, time),
  validate: sample,
});

/** The last lines of the app's log, and how many there were. */
export const lines = defineLive({
  channel: "system/log",
  event: "line",
  initial: noLines,
  reduce: ({ count, last }, line, { id }) => ({
    count: count + 1,
    last: [...last, { ...line, id }].slice(-keptLines),
  }),
  validate: logLine,
});
