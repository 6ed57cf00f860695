/**
 * How far cursor `a` is ahead of `b`: negative, zero or positive; NaN when they are of different
 * epochs (or either is missing), which nobody can order. So `!(compareCursors(a, b) <= 0)` reads "`b` does not
 * cover `a`", and errs towards delivering.
 */
export function compareCursors(a: string, b: string): number {
  return a.split("-")[2] === b.split("-")[2] ? numberIn(a, 0) - numberIn(b, 0) : NaN;
}

/** The cursor that serves both: the older one, or across epochs the one of the newer epoch. */
export function olderCursor(a: string, b: string): string {
  if (!a || !b) return a || b;
  return (compareCursors(a, b) || numberIn(b) - numberIn(a)) < 0 ? a : b;
}

/**
 * When the message at this cursor was published, in ms since 1970, by the server's clock; or, of part
 * 0, its sequence.
 */
export function numberIn(cursor: string, part = 1): number {
  return parseInt(cursor.split("-")[part] as string, 36);
}
