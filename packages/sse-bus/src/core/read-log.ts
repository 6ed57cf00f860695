import { type TopicLog, evictedSince, indexAfter } from "./topic-log.ts";
import { topicCovers } from "./channel-name.ts";
import { type LogMessage } from "./message.ts";
import { createGapPacket, createMessagePacket, type Packet } from "./packet.ts";
import type { Position } from "./position.ts";

/** A log to read, and the channel or pattern that its readers subscribed to. */
export interface LogSource {
  readonly name: string;
  readonly log: TopicLog;
}

/** How to read from a cursor. */
export interface ReadOptions {
  /** Read nothing after this `seq`. */
  readonly upTo: number;
  /** Skip messages that a newer one of the same key has superseded. */
  readonly skipSuperseded: boolean;
  /**
   * The `evictions` of each source that the reader already knows: those of its last gap, or those of its
   * start if it asked only for what was kept. Only later evictions are a loss for this reader.
   */
  readonly knownEvictions: readonly (number | undefined)[] | undefined;
  /**
   * Set for a reader that starts with `from=latest`. Up to this `seq`, it receives only the newest message of
   * each key, and the newest message without a key of each channel.
   */
  readonly snapshot: number | undefined;
  /** Stop before the packet exceeds this size. A packet holds at least one message of any size. */
  readonly maxBytes: number;
  readonly epoch: string;
}

/**
 * Reads several logs from a cursor, merged into the order of the bus. Live delivery, replay, catching up and
 * snapshots all use it. Returns messages, or the gap to deliver before them, or `undefined` if there is
 * nothing up to `upTo`.
 */
export function readLog(
  sources: readonly LogSource[],
  after: number,
  options: ReadOptions,
): Packet | undefined {
  if (hasLost(sources, after, options.knownEvictions)) return reportLoss(sources, after, options);
  const messages = collect(sources, after, options);
  return messages.length > 0 ? createMessagePacket(messages) : undefined;
}

/** Whether any source may have lost messages after the cursor. */
export function hasLost(
  sources: readonly LogSource[],
  after: number,
  knownEvictions: readonly (number | undefined)[] | undefined,
): boolean {
  for (let index = 0; index < sources.length; index++) {
    if (isLossy(sources, index, { after, knownEvictions })) return true;
  }
  return false;
}

/**
 * Reports the gap before the messages that other sources still hold. If an id moved past the loss first and
 * the connection ended there, the client would resume from that id. An instance that keeps more would then
 * see no loss, and the client would never receive the gap.
 */
function reportLoss(sources: readonly LogSource[], after: number, options: ReadOptions): Packet {
  const { knownEvictions, upTo, epoch } = options;
  const next = collect(sources, after, { ...options, maxBytes: 0 })[0];
  const channels: string[] = [];
  let to: Position = { seq: after, time: 0 };
  for (const [index, { name, log }] of sources.entries()) {
    if (!isLossy(sources, index, { after, knownEvictions })) continue;
    channels.push(name);
    const seq = lostUpTo(log, knownEvictions?.[index]);
    if (seq >= to.seq) to = { seq, time: log.horizonTime };
  }
  // Stop before the next message that another source still holds: that message is not lost.
  const seq = Math.max(after, Math.min(to.seq, upTo, next ? next.seq - 1 : to.seq));
  const evictions = sources.map(({ log }) => log.evictions);
  return createGapPacket({ channels, reason: "evicted" }, { ...to, seq }, epoch, evictions);
}

interface Reading {
  readonly after: number;
  readonly knownEvictions: readonly (number | undefined)[] | undefined;
}

/** A source's loss does not count if another source covers it and is complete. */
function isLossy(
  sources: readonly LogSource[],
  index: number,
  { after, knownEvictions }: Reading,
): boolean {
  const { name, log } = sources[index] as LogSource;
  if (lostUpTo(log, knownEvictions?.[index]) <= after) return false;
  return !sources.some((other) => other.log.horizon <= after && topicCovers(other.name, name));
}

function lostUpTo(log: TopicLog, known: number | undefined): number {
  return known === undefined ? log.horizon : evictedSince(log, known);
}

function collect(sources: readonly LogSource[], after: number, options: ReadOptions): LogMessage[] {
  const messages: LogMessage[] = [];
  const next = sources.map(({ log }) => indexAfter(log, after));
  let bytes = 0;
  let last: LogMessage | undefined;
  for (;;) {
    let source = -1;
    let message: LogMessage | undefined;
    for (let index = 0; index < sources.length; index++) {
      const candidate = (sources[index] as LogSource).log.messages[next[index] as number];
      if (candidate && (!message || candidate.seq < message.seq)) {
        message = candidate;
        source = index;
      }
    }
    if (!message || message.seq > options.upTo) return messages;
    next[source] = (next[source] as number) + 1;
    // A channel and a pattern that covers it both hold the message; it is delivered once.
    if (message.seq === last?.seq || isLeftOut(message, options)) continue;
    last = message;
    bytes += message.frame.length;
    if (bytes > options.maxBytes && messages.length > 0) return messages;
    messages.push(message);
  }
}

function isLeftOut(message: LogMessage, { skipSuperseded, snapshot }: ReadOptions): boolean {
  if (snapshot !== undefined && message.seq <= snapshot) {
    return message.superseded || message.isOutdated;
  }
  return skipSuperseded && message.superseded;
}
