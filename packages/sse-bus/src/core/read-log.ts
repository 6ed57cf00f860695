import { type ChannelLog, indexAfter } from "./channel-log.ts";
import { type LogMessage } from "./message.ts";
import { createGapPacket, createMessagePacket, type Packet } from "./packet.ts";
import type { Position } from "./position.ts";

/** A log to read, under the name that its readers subscribed to. */
export interface Source {
  readonly name: string;
  readonly log: ChannelLog;
}

/** How to read on from a cursor. */
export interface ReadOptions {
  /** Read nothing after this `seq`. */
  readonly upTo: number;
  /** Leave out messages that a newer one of the same key has superseded. */
  readonly skipSuperseded: boolean;
  /**
   * For a reader that asked for no more than what was kept when it started: up to where each source
   * had evicted by then. Horizons are no loss to it, only what was evicted since.
   */
  readonly ignored: readonly number[] | undefined;
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
 * live delivery, replay, catching up and snapshots. Gives messages, or the gap that stands next in
 * the order, or `undefined` when there is nothing up to `upTo`.
 */
export function readLog(
  sources: readonly Source[],
  after: number,
  options: ReadOptions,
): Packet | undefined {
  const loss = findLoss(sources, after, options);
  const bound = loss ? Math.min(loss.to.seq, options.upTo) : options.upTo;
  const messages = collect(sources, after, bound, options);
  if (messages.length > 0) return createMessagePacket(messages);
  if (!loss || loss.to.seq > options.upTo) return undefined;
  const { channels, to } = loss;
  return createGapPacket({ channels, reason: "evicted" }, to, options.epoch);
}

interface Loss {
  readonly to: Position;
  readonly channels: string[];
}

/**
 * The oldest loss that lies ahead of the cursor, at the newest position that may be lost: what other
 * sources hold from after that is not, even before the horizon of one that lost it.
 */
function findLoss(
  sources: readonly Source[],
  after: number,
  { ignored }: ReadOptions,
): Loss | undefined {
  let loss: Loss | undefined;
  for (let index = 0; index < sources.length; index++) {
    const { name, log } = sources[index] as Source;
    let seq = ignored ? log.evicted : log.base;
    if (seq <= after || seq <= (ignored?.[index] ?? 0)) continue;
    while (seq > after && isHeld(sources, seq)) seq--;
    if (seq === after) continue;
    if (seq === loss?.to.seq) loss.channels.push(name);
    else if (!loss || seq < loss.to.seq) {
      loss = { to: { seq, time: log.baseTime }, channels: [name] };
    }
  }
  return loss;
}

function isHeld(sources: readonly Source[], seq: number): boolean {
  return sources.some(({ log }) => log.entries[indexAfter(log, seq - 1)]?.seq === seq);
}

function collect(
  sources: readonly Source[],
  after: number,
  upTo: number,
  options: ReadOptions,
): LogMessage[] {
  const messages: LogMessage[] = [];
  const next = sources.map(({ log }) => indexAfter(log, after));
  let bytes = 0;
  let last: LogMessage | undefined;
  for (;;) {
    let source = -1;
    let message: LogMessage | undefined;
    for (let index = 0; index < sources.length; index++) {
      const candidate = (sources[index] as Source).log.entries[next[index] as number];
      if (candidate && (!message || candidate.seq < message.seq)) {
        message = candidate;
        source = index;
      }
    }
    if (!message || message.seq > upTo) return messages;
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
