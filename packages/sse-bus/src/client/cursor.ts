/**
 * Whether everything up to `target` lies before `cursor`: same epoch, and not older. Cursors of different
 * epochs have no order; the answer is then no, so that callers deliver rather than skip.
 */
export function hasReached(cursor: string, target: string): boolean {
  return epochOf(cursor) === epochOf(target) && sequenceOf(cursor) >= sequenceOf(target);
}

/**
 * Whether a stream that starts after `from` has everything for a subscription at `cursor`. Across
 * epochs this is unknown: the stream serves it, and the subscription gets a gap.
 */
export function canStart(cursor: string, from: string): boolean {
  if (!cursor || cursor === from) return true;
  if (!isPosition(cursor) || !isPosition(from)) return false;
  return epochOf(cursor) !== epochOf(from) || hasReached(cursor, from);
}

/** The cursor that serves both: the older one, or across epochs the one of the newer epoch. */
export function olderCursor(a: string, b: string): string {
  if (!a || !b) return a || b;
  if (epochOf(a) === epochOf(b)) return hasReached(a, b) ? b : a;
  return timeOf(a) > timeOf(b) ? a : b;
}

/** Whether it names a place in a log, unlike `latest`, `earliest` and the empty "from now on". */
export function isPosition(cursor: string): boolean {
  return cursor.includes("-");
}

/** When the message at this cursor was published, in ms since 1970, by the server's clock. */
export function timeOf(cursor: string): number {
  return parseInt(cursor.split("-")[1] as string, 36);
}

function sequenceOf(cursor: string): number {
  return parseInt(cursor, 36);
}

function epochOf(cursor: string): string | undefined {
  return cursor.split("-")[2];
}
