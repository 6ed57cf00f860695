import { internalsOf } from "../core/bus.ts";
import type { Bus, BusStats } from "../core/bus-types.ts";
import { liveCount } from "../core/topic-log.ts";
import type { Identity } from "./authorize.ts";
import { type Connection, connectionsOf } from "./connections.ts";
import { isReserved } from "../core/channel-name.ts";
import { type Engine, isOpen, provenHead } from "../core/engine.ts";
import { type FastPathStates, fastPathStates } from "./fast-paths.ts";
import { countReaders, readerCursor } from "../core/cohort.ts";
import { assertCount } from "../core/history.ts";
import { lagOf } from "../core/lag.ts";
import { formatCursor } from "../core/position.ts";
import type { Topic } from "../core/topic.ts";
import type { ChannelMap } from "../core/types.ts";

/** A moment of a bus in this process, as plain JSON. See {@link inspectBus}. */
export interface BusSnapshot {
  /** In ms since 1970. */
  readonly time: number;
  /** The newest position that this process is sure of; `null` while the backend is not open. */
  readonly head: string | null;
  readonly stats: BusStats;
  /** Frames and bytes sent on event streams since the bus was created. */
  readonly traffic: { readonly frames: number; readonly bytes: number };
  /** History that this process holds for its readers; bounded by `maxBytes` however far they lag. */
  readonly history: { readonly bytes: number; readonly maxBytes: number };
  /** Which fast paths this process uses, and why not where one is off. */
  readonly fastPaths: FastPathStates;
  /** The number of streams, and a limited list: those that lag first, then the oldest. */
  readonly connections: { readonly total: number; readonly listed: readonly ConnectionSnapshot[] };
  /** Channels and patterns with readers in this process: those with most readers first. */
  readonly channels: { readonly total: number; readonly listed: readonly ChannelSnapshot[] };
}

/** One event stream. Without its client's address, which must not be shown to people. */
export interface ConnectionSnapshot {
  /** The id in `hello`. */
  readonly id: string;
  readonly channels: readonly string[];
  /** The client, where `authorize` identifies it. */
  readonly identity?: Identity;
  /** It has received everything up to here; `null` while it opens. */
  readonly cursor: string | null;
  /** Messages that it has not received yet. */
  readonly lag: number;
  /** In ms. */
  readonly ageMs: number;
  readonly sink: "web" | "direct";
  /** Bytes written to its sink. */
  readonly bytes: number;
}

/** One channel or pattern with a reader, and the window of history that this process holds of it. */
export interface ChannelSnapshot {
  readonly name: string;
  /** Event streams and subscribers. */
  readonly readers: number;
  /** Those of them that are subscribers in this process. */
  readonly subscribers: number;
  /** Messages since it has readers: two snapshots give a rate. */
  readonly received: number;
  /** Messages kept, without superseded ones. */
  readonly messages: number;
  readonly bytes: number;
  /** Everything kept after this is in the window; `null` while it opens. */
  readonly horizon: string | null;
}

/** Settings of {@link inspectBus}. */
export interface InspectOptions {
  /** How many streams are listed; the rest is counted. @default 50 */
  readonly maxConnections?: number;
  /** How many channels are listed. @default 50 */
  readonly maxChannels?: number;
}

/**
 * What a bus holds in this process now: its streams with their lag, its channels with their history.
 * For pages and tools of operators; everybody who sees it learns which channels others read.
 *
 * It keeps nothing and costs nothing between calls. A call visits all streams and channels
 * once, and its result is bounded.
 *
 * @throws SseBusError `INVALID_OPTION`
 * @example
 * ```ts
 * const { connections } = inspectBus(bus);
 * const behind = connections.listed.filter(({ lag }) => lag > 0);
 * ```
 */
export function inspectBus<Channels extends ChannelMap, Inputs extends ChannelMap>(
  bus: Bus<Channels, Inputs>,
  options: InspectOptions = {},
): BusSnapshot {
  const { maxConnections = 50, maxChannels = 50 } = options;
  assertCount(maxConnections, "maxConnections", 0);
  assertCount(maxChannels, "maxChannels", 0);
  const internals = internalsOf(bus);
  const { engine } = internals;
  const { open } = connectionsOf(internals);
  const { traffic, store, topics } = engine;
  const time = Date.now();
  return {
    time,
    head: isOpen(engine) ? cursorAt(engine, provenHead(engine)) : null,
    stats: bus.stats(),
    traffic: { ...traffic },
    // JSON has no Infinity.
    history: { bytes: store.bytes, maxBytes: Math.min(store.maxBytes, Number.MAX_SAFE_INTEGER) },
    fastPaths: fastPathStates(),
    connections: {
      total: open.size,
      listed: highest(open, isBehind, maxConnections).map((connection) =>
        inspectConnection(engine, connection, time),
      ),
    },
    channels: {
      total: topics.size - engine.ownTopics,
      listed: inspectChannels(engine, maxChannels),
    },
  };
}

function inspectConnection(
  engine: Engine,
  connection: Connection,
  time: number,
): ConnectionSnapshot {
  const { id, channels, identity, openedAt, reader } = connection;
  const isOpen = reader !== undefined && reader.state !== "opening";
  return {
    id,
    channels: channels.slice(0, MAX_CHANNELS_SHOWN),
    ...(identity && { identity }),
    cursor: isOpen ? cursorAt(engine, readerCursor(reader)) : null,
    lag: reader?.state === "behind" ? lagOf(reader) : 0,
    ageMs: time - openedAt,
    sink: connection.sink(),
    bytes: reader?.bytes ?? 0,
  };
}

/** So that the answer's size is bounded also where streams carry many. */
const MAX_CHANNELS_SHOWN = 10;

function inspectChannels(engine: Engine, limit: number): ChannelSnapshot[] {
  const readers = new Map<string, number>();
  const subscribers = new Map<string, number>();
  for (const cohort of engine.cohorts.values()) {
    const count = countReaders(cohort);
    const isLocal = cohort.context === engine.local;
    for (const { name } of cohort.topics) {
      readers.set(name, (readers.get(name) ?? 0) + count);
      if (isLocal) subscribers.set(name, (subscribers.get(name) ?? 0) + count);
    }
  }
  const readersOf = ({ name }: Topic): number => readers.get(name) ?? 0;
  return highest(publicTopics(engine), readersOf, limit).map((topic) =>
    inspectChannel(engine, topic, {
      readers: readersOf(topic),
      subscribers: subscribers.get(topic.name) ?? 0,
    }),
  );
}

function* publicTopics({ topics }: Engine): Iterable<Topic> {
  for (const topic of topics.values()) if (!isReserved(topic.name)) yield topic;
}

function inspectChannel(
  engine: Engine,
  topic: Topic,
  counts: Pick<ChannelSnapshot, "readers" | "subscribers">,
): ChannelSnapshot {
  const { name, log, received } = topic;
  const isLive = log.horizon < Number.MAX_SAFE_INTEGER;
  const horizon = { seq: log.horizon, time: log.horizonTime };
  return {
    name,
    ...counts,
    received,
    messages: liveCount(log),
    bytes: log.bytes,
    horizon: isLive ? cursorAt(engine, horizon) : null,
  };
}

function cursorAt(engine: Engine, position: { readonly seq: number; readonly time: number }) {
  return formatCursor(position, provenHead(engine).epoch);
}

function isBehind({ reader }: Connection): number {
  return reader?.state === "behind" ? 1 : 0;
}

/** Those with the highest score, equals as they come, in one pass and without a sort of them all. */
function highest<Item>(all: Iterable<Item>, score: (item: Item) => number, limit: number): Item[] {
  const best: { readonly item: Item; readonly value: number }[] = [];
  for (const item of all) {
    const value = score(item);
    if (best.length >= limit && value <= (best.at(-1)?.value ?? Number.POSITIVE_INFINITY)) continue;
    const place = best.findIndex((other) => other.value < value);
    best.splice(place < 0 ? best.length : place, 0, { item, value });
    if (best.length > limit) best.pop();
  }
  return best.map(({ item }) => item);
}
