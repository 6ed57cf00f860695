import { SseBusError } from "./errors.ts";
import { acquireGroup, closeReader, type Engine, later, reached } from "./engine.ts";
import { advanceGroup, type Group, ordinalIn, place, pumpReader } from "./group.ts";
import type { Gap } from "./packet.ts";
import {
  type Cursor,
  formatCursor,
  parseCursor,
  type Position,
  UNKNOWN_CURSOR,
} from "./position.ts";
import { newestKeyless } from "./read-log.ts";
import type { Reader, Sink } from "./reader.ts";
import { hydrateTopic, type Topic } from "./topic.ts";

/** Where a reader starts: from now on, from the oldest message kept, from a snapshot, or a cursor. */
export type Start = "now" | "earliest" | "latest" | { readonly cursor: string };

export interface OpenReaderOptions {
  /** Channels and patterns, already checked. */
  readonly topics: readonly string[];
  readonly start: Start;
  readonly sink: Sink;
  /** The reader is in this process and is written to in the publisher's turn. */
  readonly isLocal: boolean;
  /** Not ready before the sink says so with {@link resumeReader}. */
  readonly isReady: boolean;
}

/** A reader that is open, and what `hello` tells it. */
export interface OpenedReader {
  readonly reader: Reader;
  /** The cursor it reads from: never ahead of what it has been handed. */
  readonly cursor: string;
  /** It started from a cursor, and nothing between there and now is lost. */
  readonly resumed: boolean;
}

/**
 * Opens a reader once its topics are live, hydrating history where its start needs it.
 *
 * @throws SseBusError `BUS_CLOSED`, `BACKEND_UNAVAILABLE`
 */
export async function openReader(
  engine: Engine,
  options: OpenReaderOptions,
): Promise<OpenedReader> {
  if (!engine.isOpened) await engine.open();
  assertOpen(engine);
  const now = reached(engine);
  const known = new Set(options.topics.filter((name) => engine.topics.has(name)));
  const group = acquireGroup(engine, options.topics, options.isLocal);
  // In the group before the first await: a group without readers would be freed meanwhile.
  const reader = createReader(group, options);
  group.behind.add(reader);
  engine.readers.add(reader);
  try {
    const live = await Promise.all(group.topics.map((topic) => topic.live));
    assertOpen(engine);
    startGroup(
      group,
      live.map((subscription) => subscription.cursor),
    );
    advanceGroup(group, reached(engine));
    const fresh = live.filter((_, index) => !known.has((group.topics[index] as Topic).name));
    const from = fresh.reduce<Cursor>((newest, sub) => later(newest, sub.cursor), now);
    const started = await startReader(engine, reader, options.start, from);
    if ((reader.state as string) !== "closed") {
      place(reader);
      reader.ready = options.isReady;
      if (reader.ready) pumpReader(reader);
    }
    return { reader, ...started };
  } catch (error) {
    closeReader(engine, reader);
    throw error;
  }
}

/** The sink can take more. */
export function resumeReader(reader: Reader): void {
  reader.ready = true;
  if (reader.state !== "closed") pumpReader(reader);
}

/** @throws SseBusError `BUS_CLOSED` */
export function assertOpen(engine: Engine): void {
  if (!engine.isClosed) return;
  throw new SseBusError("BUS_CLOSED", "The bus is closed: create a new one, or close it later.");
}

/** Begins a group at the newest of its subscriptions: before that, everything is history. */
function startGroup(group: Group, live: readonly Cursor[]): void {
  if (group.phase !== "starting") return;
  group.phase = "running";
  group.cursor = live.reduce(later);
  // What came since the subscriptions were live has been waiting in the windows.
  group.context.flusher.add(group);
}

type Started = Omit<OpenedReader, "reader">;

async function startReader(
  engine: Engine,
  reader: Reader,
  start: Start,
  now: Cursor,
): Promise<Started> {
  if (start === "now") return startAt(engine, reader, now);
  if (typeof start === "object") return resume(engine, reader, start.cursor, now);

  const { oldest, newest } = await hydrate(engine, reader.group.topics);
  reader.ignoreUntil = newest.seq;
  if (start === "latest") {
    const until = reached(engine).seq;
    reader.snapshot = { until, newestKeyless: newestKeyless(reader.group.topics, until) };
  }
  return startAt(engine, reader, oldest);
}

async function resume(engine: Engine, reader: Reader, text: string, now: Cursor): Promise<Started> {
  const cursor = parseCursor(text);
  const reason = cursor ? await checkCursor(engine, cursor) : "unknown";
  if (!cursor || reason) {
    engine.counters.resumedWithGap++;
    await startWithGap(engine, reader, reason ?? "unknown", now);
    // The refused cursor, not a good one: a line cut before the gap was read must meet it again.
    return {
      cursor: cursor ? formatCursor(cursor, cursor.epoch) : UNKNOWN_CURSOR,
      resumed: false,
    };
  }
  const isShort = (topic: Topic): boolean => topic.log.base > cursor.seq;
  await hydrate(engine, reader.group.topics.filter(isShort));
  const isComplete = !reader.group.topics.some(isShort);
  engine.counters[isComplete ? "resumed" : "resumedWithGap"]++;
  return { ...startAt(engine, reader, cursor), resumed: isComplete };
}

/** Why a well-formed cursor cannot be resumed from, if so. */
async function checkCursor(engine: Engine, cursor: Cursor): Promise<Gap["reason"] | undefined> {
  let head = reached(engine);
  // Another process may have published what this one has not received yet: ask the log itself.
  if (cursor.epoch === head.epoch && cursor.seq > head.seq) head = await engine.backend.cursor();
  if (cursor.epoch !== head.epoch) return "restarted";
  return cursor.seq > head.seq ? "ahead" : undefined;
}

async function startWithGap(
  engine: Engine,
  reader: Reader,
  reason: Gap["reason"],
  now: Cursor,
): Promise<void> {
  const { oldest, newest } = await hydrate(engine, reader.group.topics);
  reader.pendingGap = { channels: reader.group.topics.map(({ name }) => name), reason };
  reader.ignoreUntil = newest.seq;
  // A cursor ahead of the log has nothing kept after it; any other is older than all that is kept.
  startAt(engine, reader, reason === "ahead" ? now : oldest);
}

function startAt(engine: Engine, reader: Reader, position: Position): Started {
  reader.cursor = { seq: position.seq, time: position.time };
  reader.ordinal = ordinalIn(reader.group, position.seq);
  return { cursor: formatCursor(position, reached(engine).epoch), resumed: false };
}

/** Makes the topics' windows complete; gives their oldest and newest horizon. */
export async function hydrate(
  engine: Engine,
  topics: readonly Topic[],
): Promise<{ oldest: Position; newest: Position }> {
  await Promise.all(topics.map((topic) => hydrateTopic(topic, engine.backend)));
  const horizons = topics.map(({ log }) => ({ seq: log.base, time: log.baseTime }));
  if (horizons.length === 0) return { oldest: reached(engine), newest: reached(engine) };
  horizons.sort((a, b) => a.seq - b.seq);
  return { oldest: horizons[0] as Position, newest: horizons.at(-1) as Position };
}

function createReader(group: Group, { sink }: OpenReaderOptions): Reader {
  return {
    group,
    sink,
    state: "behind",
    ready: false,
    cursor: group.cursor,
    index: 0,
    ignoreUntil: 0,
    snapshot: undefined,
    pendingGap: undefined,
    ordinal: undefined,
  };
}
