/**
 * How far cursor `a` is ahead of `b`: negative, zero or positive; NaN when they are of different
 * epochs (or either is missing), which nobody can order. So `!(compareCursors(a, b) <= 0)` reads "`b` does not
 * cover `a`", and errs towards delivering.
 */
export function compareCursors(a: string, b: string): number {
  return epoch(a) === epoch(b) ? parseInt(a, 36) - parseInt(b, 36) : NaN;
}

/** The cursor that serves both: the older one, or across epochs the one of the newer epoch. */
export function olderCursor(a: string, b: string): string {
  if (!a || !b) return a || b;
  const order = compareCursors(a, b);
  return (order === order ? order < 0 : time(a) > time(b)) ? a : b;
}

/** The cursor in an id of the wire, which may end with `@channel`, or in what a user passed. */
export function toCursor(id: string): string {
  const cursor = id.split("@")[0] as string;
  // A cursor that is none must not cost the connection of everybody else a 400. The core's
  // UNKNOWN_CURSOR has the shape of a cursor and is told as a gap.
  return /^\w+-\w+-\w+$/.test(cursor) ? cursor : "0-0-0";
}

/** When the message at this cursor was published, in ms since 1970, by the server's clock. */
export function time(cursor: string): number {
  return parseInt(cursor.split("-")[1] as string, 36);
}

function epoch(cursor: string): string | undefined {
  return cursor.split("-")[2];
}
