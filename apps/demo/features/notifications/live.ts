import { defineLive } from "sse-bus";
import { type Entry, keptEntries } from "./entry";
import { entry } from "./shape";

/** The last entries. One channel for all kinds: one order, and one mark for what was read. */
export const entries = defineLive({
  channel: "notifications/log",
  event: "entry",
  initial: [] as readonly Entry[],
  reduce: (all, entry, { id, time }) => [...all, { ...entry, id, time }].slice(-keptEntries),
  validate: entry,
});
