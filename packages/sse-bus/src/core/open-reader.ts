import { SseBusError } from "./errors.ts";
import { acquireCohort, closeReader, type Engine, later, provenHead } from "./engine.ts";
import { advanceCohort, type Cohort, ordinalIn, place, pumpReader } from "./cohort.ts";
import type { Gap } from "./packet.ts";
import {
  type Cursor,
  formatCursor,
  parseCursor,
  type Position,
  UNKNOWN_CURSOR,
} from "./position.ts";
import { hasLost } from "./read-log.ts";
import type { Reader, Sink } from "./reader.ts";
import { limitReplay } from "./replay-limit.ts";
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
  /** Bytes of history that it is given at most, as history counts them; the rest is a gap. */
  readonly maxReplayBytes?: number;
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
  assertOpen(engine);
  if (!engine.isOpened) await engine.open();
  assertOpen(engine);
  let now: Position = provenHead(engine);
  const cohort = acquireCohort(engine, options.topics, options.isLocal);
  // In the cohort before the first await: a cohort without readers would be freed meanwhile.
  const reader = createReader(cohort, options);
  cohort.behind.add(reader);
  engine.readers.add(reader);
  try {
    for (;;) {
      const { restarts } = engine;
      await Promise.all(cohort.topics.map((topic) => topic.live));
      assertOpen(engine);
      startCohort(cohort, provenHead(engine));
      advanceCohort(cohort, provenHead(engine));
      const from = newestSince(cohort.topics, now);
      const started = boundReplay(engine, await startReader(engine, reader, options.start, from), {
        reader,
        maxBytes: options.maxReplayBytes,
      });
      assertOpen(engine);
      if (restarts === engine.restarts) {
        place(reader);
        reader.ready = options.isReady;
        if (reader.ready) pumpReader(reader);
        return { reader, ...started };
      }
      // The log began anew meanwhile, and what was found out is of the old one.
      now = provenHead(engine);
      reader.pendingGap = reader.knownEvictions = reader.snapshot = undefined;
    }
  } catch (error) {
    closeReader(engine, reader);
    assertOpen(engine);
    throw error;
  }
}

/** The sink can take more. */
export function resumeReader(reader: Reader): void {
  reader.ready = true;
  // Within a write whoever writes goes on by itself: to start anew for each packet could exhaust the
  // stack.
  if (reader.state !== "closed" && !reader.isWriting) pumpReader(reader);
}

/** @throws SseBusError `BUS_CLOSED` */
export function assertOpen(engine: Engine): void {
  if (!engine.isClosed) return;
  throw new SseBusError("BUS_CLOSED", "The bus is closed: create a new one, or close it later.");
}

/** Begins a cohort where all its subscriptions are live: before that, everything is history. */
function startCohort(cohort: Cohort, head: Position): void {
  if (cohort.phase !== "starting") return;
  cohort.phase = "running";
  cohort.cursor = newestSince(cohort.topics, head);
  // What came since then has been waiting in the windows.
  cohort.context.flusher.add(cohort);
}

function newestSince(topics: readonly Topic[], position: Position): Position {
  return topics.reduce((newest, { since }) => later(newest, since), position);
}

type Started = Omit<OpenedReader, "reader">;

/** One that asks for more than it may have is told so, and goes on with the newest that it may. */
function boundReplay(
  engine: Engine,
  started: Started,
  { reader, maxBytes }: { readonly reader: Reader; readonly maxBytes: number | undefined },
): Started {
  if (maxBytes === undefined) return started;
  const { topics } = reader.cohort;
  const { snapshot } = reader;
  const replay = { after: reader.cursor.seq, isSnapshot: snapshot !== undefined, maxBytes };
  const from = limitReplay(topics, replay);
  if (!from) return started;
  reader.pendingGap ??= { channels: topics.map(({ name }) => name), reason: "evicted" };
  startFromKept(reader, from);
  reader.snapshot = snapshot;
  // How many are left out was not counted.
  reader.ordinal = undefined;
  if (started.resumed) {
    engine.counters.resumed--;
    engine.counters.resumedWithGap++;
  }
  // The cursor asked for, not the one after the gap: a line cut in between must meet it again.
  return { ...started, resumed: false };
}

async function startReader(
  engine: Engine,
  reader: Reader,
  start: Start,
  now: Position,
): Promise<Started> {
  if (start === "now") return startAt(engine, reader, now);
  if (typeof start === "object") return resume(engine, reader, start.cursor, now);

  const oldest = await hydrate(engine, reader.cohort.topics);
  startFromKept(reader, oldest);
  if (start === "latest") reader.snapshot = provenHead(engine).seq;
  return startAt(engine, reader, oldest);
}

async function resume(
  engine: Engine,
  reader: Reader,
  text: string,
  now: Position,
): Promise<Started> {
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
  const isShort = (topic: Topic): boolean => topic.log.horizon > cursor.seq;
  await hydrate(engine, reader.cohort.topics.filter(isShort));
  const resumed = !hasLost(reader.cohort.topics, cursor.seq, undefined);
  engine.counters[resumed ? "resumed" : "resumedWithGap"]++;
  return { ...startAt(engine, reader, cursor), resumed };
}

/** Why a well-formed cursor cannot be resumed from, if so. */
async function checkCursor(engine: Engine, cursor: Cursor): Promise<Gap["reason"] | undefined> {
  let head = provenHead(engine);
  // Another process may have received what this one has not, or heard first that the log began
  // anew: ask the log itself. Taken for an old one, a cursor of the new log would be led back.
  if (cursor.epoch !== head.epoch || cursor.seq > head.seq) head = await engine.backend.readHead();
  if (cursor.epoch !== head.epoch) return "restarted";
  return cursor.seq > head.seq ? "ahead" : undefined;
}

async function startWithGap(
  engine: Engine,
  reader: Reader,
  reason: Gap["reason"],
  now: Position,
): Promise<void> {
  const oldest = await hydrate(engine, reader.cohort.topics);
  reader.pendingGap = { channels: reader.cohort.topics.map(({ name }) => name), reason };
  // A cursor ahead of the log has nothing kept after it; any other is older than all that is kept.
  startFromKept(reader, reason === "ahead" ? now : oldest);
}

/** Whatever is lost already is no news for this reader: it asked for what is kept, or was told. */
export function startFromKept(reader: Reader, { seq, time }: Position): void {
  const { cohort } = reader;
  reader.cursor = { seq, time };
  reader.ordinal = ordinalIn(cohort, seq);
  reader.snapshot = undefined;
  reader.knownEvictions = cohort.topics.map(({ log }) => log.evictions);
}

function startAt(engine: Engine, reader: Reader, { seq, time }: Position): Started {
  reader.cursor = { seq, time };
  reader.ordinal = ordinalIn(reader.cohort, seq);
  return { cursor: formatCursor({ seq, time }, provenHead(engine).epoch), resumed: false };
}

/** Makes the topics' windows complete; gives their oldest horizon. */
export async function hydrate(engine: Engine, topics: readonly Topic[]): Promise<Position> {
  await Promise.all(topics.map((topic) => hydrateTopic(topic, engine.backend)));
  let oldest: Position | undefined;
  for (const { log } of topics) {
    if (!oldest || log.horizon < oldest.seq) oldest = { seq: log.horizon, time: log.horizonTime };
  }
  return oldest ?? provenHead(engine);
}

function createReader(cohort: Cohort, { sink }: OpenReaderOptions): Reader {
  return {
    cohort,
    sink,
    state: "opening",
    ready: false,
    isWriting: false,
    cursor: cohort.cursor,
    index: 0,
    knownEvictions: undefined,
    snapshot: undefined,
    pendingGap: undefined,
    ordinal: undefined,
    bytes: 0,
  };
}
