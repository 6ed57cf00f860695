import { ordinalIn, type Reader, type ReaderState } from "./cohort.ts";
import type { Position } from "./position.ts";
import { hasLost } from "./read-log.ts";
import type { SharedWindow } from "./shared-window.ts";

/*
 * The states of a reader. Only this file changes them, and the lists of the cohort with them.
 *
 *                 placeReader
 *   opening ──┬──────────────────────▶ head      receives what a flush delivers to all
 *             │                        ▲   │
 *             │            placeReader │   │ moveBehind: its sink is full, or messages were lost
 *             │                        │   ▼
 *             ├──────────────────────▶ behind    reads on from its own cursor
 *             │                        ▲
 *             │            placeReader │
 *             └──────────────────────▶ waiting   started ahead of its cohort, which catches up
 *
 *   closeReaderState: any state ──▶ closed
 *
 * `waiting` also goes straight to `head`. When the log restarts, `moveBehind` takes every reader but
 * those that are `opening`; these find out by themselves and start again.
 */

/** Puts a reader where its cursor belongs: at the head, behind it, or ahead of it. */
export function placeReader(reader: Reader): void {
  const { cohort } = reader;
  const ahead = reader.cursor.seq - cohort.cursor.seq;
  // While a restarted log is read again, the cohort's cursor is one of the old log.
  if (reader.pendingGap || ahead < 0 || cohort.phase !== "running") move(reader, "behind");
  else if (ahead > 0) move(reader, "waiting");
  else {
    move(reader, "head");
    // The same position, as one object for all readers of the cohort.
    reader.cursor = cohort.cursor;
    if (!hasLost(cohort.topics, cohort.cursor.seq, undefined)) reader.knownEvictions = undefined;
    reader.snapshot = undefined;
  }
}

/** Gives a reader a cursor of its own, from which it reads on. */
export function moveBehind(reader: Reader, from: Position): void {
  move(reader, "behind");
  reader.cursor = from;
  reader.ordinal = ordinalIn(reader.cohort, from.seq);
}

/** The reader has received something else than the others, so the next packet must not refer to the window. */
export function leaveWindow(reader: Reader): void {
  const window = windowOf(reader);
  if (window) swap(reader.cohort.atHead, reader.index, --window.readers);
}

/** The window of its cohort, if the reader has received all of it. */
export function windowOf({ cohort: { window }, state, index }: Reader): SharedWindow | undefined {
  return window && state === "head" && index < window.readers ? window : undefined;
}

/** @returns whether it was open */
export function closeReaderState(reader: Reader): boolean {
  if (reader.state === "closed") return false;
  move(reader, "closed");
  return true;
}

/** A function, since TypeScript takes a state that was compared once for unchanged. */
export function isReaderClosed(reader: Reader): boolean {
  return reader.state === "closed";
}

function move(reader: Reader, to: ReaderState): void {
  const { cohort, state } = reader;
  if (state === to) return;
  if (state === "opening") cohort.opening--;
  else if (state === "head") removeFromHead(reader);
  else if (state === "behind") cohort.behind.delete(reader);
  else if (state === "waiting") cohort.waiting.delete(reader);

  reader.state = to;
  if (to === "head") reader.index = cohort.atHead.push(reader) - 1;
  else if (to === "behind") cohort.behind.add(reader);
  else if (to === "waiting") cohort.waiting.add(reader);
}

/** The last reader takes its place. */
function removeFromHead(reader: Reader): void {
  const { atHead } = reader.cohort;
  leaveWindow(reader);
  const last = atHead.pop() as Reader;
  if (last === reader) return;
  atHead[reader.index] = last;
  last.index = reader.index;
}

function swap(readers: Reader[], from: number, to: number): void {
  const reader = readers[from] as Reader;
  const other = readers[to] as Reader;
  readers[from] = other;
  other.index = from;
  readers[to] = reader;
  reader.index = to;
}
