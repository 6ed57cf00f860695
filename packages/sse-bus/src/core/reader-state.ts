import { type Cohort, ordinalIn, type Reader, type ReaderState } from "./cohort.ts";
import type { Position } from "./position.ts";
import { hasLost } from "./read-log.ts";

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
  else if (state === "head") removeFromHead(cohort, reader);
  else if (state === "behind") cohort.behind.delete(reader);
  else if (state === "waiting") cohort.waiting.delete(reader);

  reader.state = to;
  if (to === "head") reader.index = cohort.atHead.push(reader) - 1;
  else if (to === "behind") cohort.behind.add(reader);
  else if (to === "waiting") cohort.waiting.add(reader);
}

/** The last reader takes its place. */
function removeFromHead({ atHead }: Cohort, reader: Reader): void {
  const last = atHead.pop() as Reader;
  if (last === reader) return;
  atHead[reader.index] = last;
  last.index = reader.index;
}
