import type { TopicLog } from "./topic-log.ts";
import { type LogMessage, messageBytes } from "./message.ts";
import type { Position } from "./position.ts";
import type { LogSource } from "./read-log.ts";

/** The replay of a reader that starts in the past. */
export interface Replay {
  readonly after: number;
  /** The reader asked only for the newest message of each key. */
  readonly isSnapshot: boolean;
  /** Counts each message with its overhead, as history does. */
  readonly maxBytes: number;
}

/**
 * Where a replay of at most `maxBytes` has to start, so that it contains the newest messages of all sources
 * together. `undefined` if everything fits. In most cases the logs' byte counts prove that without a look at
 * the messages.
 */
export function limitReplay(sources: readonly LogSource[], replay: Replay): Position | undefined {
  const { after, isSnapshot, maxBytes } = replay;
  if (sources.reduce((sum, { log }) => sum + log.bytes, 0) <= maxBytes) return undefined;
  const next = sources.map(({ log }) => log.messages.length - 1);
  let bytes = 0;
  let last: LogMessage | undefined;
  for (;;) {
    const index = newest(sources, next);
    const message =
      index < 0 ? undefined : at((sources[index] as LogSource).log, next[index] as number);
    if (!message || message.seq <= after) return undefined;
    next[index] = (next[index] as number) - 1;
    // A channel and a pattern that covers it both hold the message.
    if (message.seq === last?.seq) continue;
    last = message;
    if (message.superseded || (isSnapshot && message.isOutdated)) continue;
    bytes += messageBytes(message);
    if (bytes > maxBytes) return { seq: message.seq, time: message.time };
  }
}

function newest(sources: readonly LogSource[], next: readonly number[]): number {
  let found = -1;
  let seq = 0;
  for (let index = 0; index < sources.length; index++) {
    const message = at((sources[index] as LogSource).log, next[index] as number);
    if (!message || message.seq <= seq) continue;
    found = index;
    ({ seq } = message);
  }
  return found;
}

function at(log: TopicLog, index: number): LogMessage | undefined {
  return index < log.first ? undefined : log.messages[index];
}
