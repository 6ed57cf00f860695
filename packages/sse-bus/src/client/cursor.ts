/**
 * How far cursor `a` is ahead of `b`: negative, zero or positive; NaN when they are of different
 * epochs (or either is missing), which nobody can order. So `!(compareCursors(a, b) <= 0)` reads "`b` does not
 * cover `a`", and errs towards delivering.
 */
export function compareCursors(a: string, b: string): number {
  const [seqA, , epochA] = a.split("-");
  const [seqB, , epochB] = b.split("-");
  return epochA === epochB ? parseInt(seqA as string, 36) - parseInt(seqB as string, 36) : NaN;
}

/** The cursor that serves both: the older one, or across epochs the one of the newer epoch. */
export function olderCursor(a: string, b: string): string {
  if (!a || !b) return a || b;
  return (compareCursors(a, b) || time(b) - time(a)) < 0 ? a : b;
}

/** When the message at this cursor was published, in ms since 1970, by the server's clock. */
export function time(cursor: string): number {
  return parseInt(cursor.split("-")[1] as string, 36);
}
