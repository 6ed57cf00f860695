import type { Stored } from "./backend.ts";
import { type Aged, createRecency, type Recency } from "./recency.ts";

/** The newest idempotency ids that a channel remembers, at least. */
export const MIN_CHANNEL_IDS = 10_000;
/** Idempotency ids that all channels remember together, about. */
export const MAX_IDS = 200_000;
/** A channel may have as many, however many channels there are. */
const MIN_SHARE = 100;
/** How many channels to look at for one that has more than its share. */
const MAX_LOOKED_AT = 100;

/** The positions of the messages of idempotency ids. An id belongs to its channel. */
export interface RememberedIds {
  readonly channels: Map<string, ChannelIds>;
  /** Channels in the order of their last new id. */
  readonly recency: Recency<ChannelIds>;
  size: number;
}

/**
 * Two generations, because a `Map` is slow to give its oldest key after many deletions: the older
 * generation is forgotten as a whole.
 */
interface ChannelIds extends Aged<ChannelIds> {
  readonly name: string;
  current: Map<string, Stored>;
  previous: Map<string, Stored>;
}

export function createRememberedIds(): RememberedIds {
  return { channels: new Map(), recency: createRecency(), size: 0 };
}

/** The first message of an idempotency id on this channel. */
export function recall(
  { channels }: RememberedIds,
  channel: string,
  id: string,
): Stored | undefined {
  const ids = channels.get(channel);
  return ids?.current.get(id) ?? ids?.previous.get(id);
}

/**
 * Notes the position of the message of an idempotency id. A channel forgets its own ids first, so that
 * a busy channel does not displace the ids of the others.
 */
export function remember(remembered: RememberedIds, id: string, stored: Stored): void {
  const { channels, recency } = remembered;
  const channel = channels.get(stored.channel) ?? addChannel(remembered, stored.channel);
  recency.touch(channel);
  channel.current.set(id, stored);
  remembered.size++;
  if (channel.current.size >= MIN_CHANNEL_IDS) startGeneration(remembered, channel);
  if (remembered.size <= MAX_IDS) return;
  const victim = findVictim(remembered);
  if (victim.isOverShare) startGeneration(remembered, victim.channel);
  else forgetChannel(remembered, victim.channel);
}

/** Of the least recently used channels, the first with more than its share; otherwise the first. */
function findVictim({ channels, recency }: RememberedIds): Victim {
  const share = Math.max(MIN_SHARE, MAX_IDS / channels.size);
  let first: ChannelIds | undefined;
  let count = 0;
  for (const channel of recency) {
    if (sizeOf(channel) > share) return { channel, isOverShare: true };
    first ??= channel;
    if (++count === MAX_LOOKED_AT) break;
  }
  return { channel: first as ChannelIds, isOverShare: false };
}

interface Victim {
  readonly channel: ChannelIds;
  readonly isOverShare: boolean;
}

function addChannel({ channels }: RememberedIds, name: string): ChannelIds {
  const channel: ChannelIds = {
    name,
    current: new Map(),
    previous: new Map(),
    older: undefined,
    newer: undefined,
  };
  channels.set(name, channel);
  return channel;
}

function startGeneration(remembered: RememberedIds, channel: ChannelIds): void {
  remembered.size -= channel.previous.size;
  channel.previous = channel.current;
  channel.current = new Map();
}

function forgetChannel(remembered: RememberedIds, channel: ChannelIds): void {
  remembered.size -= sizeOf(channel);
  remembered.channels.delete(channel.name);
  remembered.recency.delete(channel);
}

function sizeOf({ current, previous }: ChannelIds): number {
  return current.size + previous.size;
}
