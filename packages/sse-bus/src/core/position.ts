/** A place in the log of a bus. `seq` is the order; `time` (ms since 1970) is only for ages. */
export interface Position {
  readonly seq: number;
  readonly time: number;
}

/** A position and the `epoch` that issued it; a log that loses its data gets a new epoch. */
export interface Cursor extends Position {
  readonly epoch: string;
}

/** A cursor that no log issues: resuming from it always gives a gap. */
export const UNKNOWN_CURSOR = "0-0-0";

const CURSOR =
  /^([0-9a-z]{1,11})-([0-9a-z]{1,9})-([0-9a-z]{1,16})(?:@[A-Za-z0-9._~:/-]{1,220}(?:@raw)?)?$/;

/** `seq-time-epoch` in base 36: ASCII, at most 38 bytes, opaque to clients. */
export function formatCursor(position: Position, epoch: string): string {
  return `${position.seq.toString(36)}-${position.time.toString(36)}-${epoch}`;
}

/** Reads a cursor, with or without the `@channel` or `@channel@raw` that a message's id ends with. */
export function parseCursor(text: string): Cursor | undefined {
  const match = CURSOR.exec(text);
  if (!match) return undefined;
  const seq = Number.parseInt(match[1] as string, 36);
  const time = Number.parseInt(match[2] as string, 36);
  return Number.isSafeInteger(seq) ? { seq, time, epoch: match[3] as string } : undefined;
}

/** In the year 5188; a later time needs more characters than a cursor has for it. */
const END_OF_TIME = 36 ** 9;

/** Whether numbers that something else has stored can be a position. */
export function isPosition({ seq, time }: Position): boolean {
  const isWhole = Number.isSafeInteger(seq) && Number.isSafeInteger(time);
  return isWhole && seq >= 0 && time >= 0 && time < END_OF_TIME;
}

/** The later of two positions. */
export function later<P extends Position>(a: P, b: P): P {
  return a.seq >= b.seq ? a : b;
}

/** A new epoch: 8 characters of base 36, so that two epochs collide once in 10¹² restarts. */
export function createEpoch(): string {
  const [first, second] = [randomWord(), randomWord()];
  return (first.toString(36) + second.toString(36).padStart(7, "0")).slice(-8);
}

/** Random words that are not used yet. Each publish on Redis takes two, and one call per publish is expensive. */
const words = new Uint32Array(256);
let unused = 0;

function randomWord(): number {
  if (unused === 0) {
    crypto.getRandomValues(words);
    unused = words.length;
  }
  return words[--unused] as number;
}
