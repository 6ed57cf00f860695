import { type TopicLog, evictedSince, indexAfter } from "./topic-log.ts";
import { topicCovers } from "./channel-name.ts";
import { type LogMessage } from "./message.ts";
import { createGapPacket, createMessagePacket, type Packet } from "./packet.ts";
import type { Position } from "./position.ts";

/** A log to read, under the name that its readers subscribed to. */
export interface LogSource {
  readonly name: string;
  readonly log: TopicLog;
}

/** How to read on from a cursor. */
export interface ReadOptions {
  /** Read nothing after this `seq`. */
  readonly upTo: number;
  /** Leave out messages that a newer one of the same key has superseded. */
  readonly skipSuperseded: boolean;
  /**
   * For a reader that was told of a loss already, or asked for no more than what was kept when it
   * started: the `evictions` of each source by then. Only what was evicted since is news to it.
   */
  readonly knownEvictions: readonly number[] | undefined;
  /**
   * For a newcomer who asked for the latest (`from=latest`): up to this `seq` it is given only the
   * newest value of every key, and the newest message without one of every channel.
   */
  readonly snapshot: number | undefined;
  /** Stop before the packet grows larger than this; a single message always fits. */
  readonly maxBytes: number;
  readonly epoch: string;
}

/**
 * Reads on from a cursor over several logs, merged into the bus's order: the one code path behind
 * live delivery, replay, catching up and snapshots. Gives messages, or the gap that must go before
 * them, or `undefined` when there is nothing up to `upTo`.
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

/** Whether any source may have lost something after the cursor. */
export function hasLost(
  sources: readonly LogSource[],
  after: number,
  knownEvictions: readonly number[] | undefined,
): boolean {
  for (let index = 0; index < sources.length; index++) {
    if (isLossy(sources, index, { after, knownEvictions })) return true;
  }
  return false;
}

/**
 * The gap goes first, before all that other sources still hold: once an id has moved on, a line cut
 * there would be resumed from it, maybe by a process that keeps more and would see no loss.
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
  // As far as nothing else stands in between: so much is lost for certain, and told for good.
  const seq = Math.max(after, Math.min(to.seq, upTo, next ? next.seq - 1 : to.seq));
  const evictions = sources.map(({ log }) => log.evictions);
  return createGapPacket({ channels, reason: "evicted" }, { ...to, seq }, epoch, evictions);
}

interface Reading {
  readonly after: number;
  readonly knownEvictions: readonly number[] | undefined;
}

/** What a source has lost is no loss where another one that covers it has it all. */
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
