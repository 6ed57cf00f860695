/** A message's place in the order, which its id begins with, whether or not the channel follows it. */
export function positionOf(id: string): string {
  return id.split("@", 1)[0] as string;
}

/**
 * Whether a message comes after a cursor. Also true across a restart of the log, where the two cannot
 * be ordered: a message of the new log is newer.
 */
export function isAfter(position: string, cursor: string): boolean {
  const [seq, , epoch] = position.split("-") as [string, string, string];
  const [cursorSeq, , cursorEpoch] = cursor.split("-") as [string, string, string];
  return epoch !== cursorEpoch || parseInt(seq, 36) > parseInt(cursorSeq, 36);
}
