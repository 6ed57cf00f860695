import { isReserved } from "./channel-name.ts";
import type { Codec } from "./codec.ts";
import { type Cohort, createReader, ordinalIn, type Reader } from "./cohort.ts";
import { advanceCohort, pumpReader } from "./deliver.ts";
import {
  acquireCohort,
  assertOpen,
  closeReader,
  type Engine,
  isOpen,
  provenHead,
} from "./engine.ts";
import type { Gap } from "./packet.ts";
import {
  type Cursor,
  formatCursor,
  later,
  parseCursor,
  type Position,
  UNKNOWN_CURSOR,
} from "./position.ts";
import { hasLost } from "./read-log.ts";
import { placeReader } from "./reader-state.ts";
import { limitReplay } from "./replay-limit.ts";
import type { Sink } from "./sink.ts";
import { nextTurn } from "./slices.ts";
import { startOfKept } from "./topic-log.ts";
import { hydrateTopic, type Topic } from "./topic.ts";

/** With more messages than this, a start takes milliseconds. */
const MANY_MESSAGES = 10_000;

/** Where a reader starts: from now on, from the oldest message kept, from a snapshot, or a cursor. */
export type Start = "now" | "earliest" | "latest" | { readonly cursor: string };

export interface OpenReaderOptions {
  /** Channels and patterns, already checked. */
  readonly topics: readonly string[];
  readonly start: Start;
  readonly sink: Sink;
  /** The reader is in this process and receives messages in the turn that publishes them. */
  readonly isLocal: boolean;
  /** Encodes what the sink receives. */
  readonly codec?: Codec | undefined;
  /** Whether the sink can take a packet already; otherwise it calls `resumeReader` once it can. */
  readonly isReady: boolean;
  /** Bytes of history to deliver at most, counted as `maxBytes` of history is; the rest is a gap. */
  readonly maxReplayBytes?: number;
}

/** An open reader, and what its `hello` says. */
export interface OpenedReader {
  readonly reader: Reader;
  /** The cursor it reads from: never ahead of what was delivered to it. */
  readonly cursor: string;
  /** It started from a cursor, and nothing after that cursor is lost. */
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
  if (!isOpen(engine)) await engine.lifecycle.open();
  assertOpen(engine);
  let now: Position = provenHead(engine);
  const cohort = acquireCohort(engine, options.topics, options);
  // Before the first await: a cohort without readers would be freed.
  const reader = createReader(cohort, options.sink);
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
        placeReader(reader);
        reader.ready = options.isReady;
        if (reader.ready) pumpReader(reader);
        return { reader, ...started };
      }
      // The log has restarted: this start was computed from the old one.
      now = provenHead(engine);
      reader.pendingGap = reader.knownEvictions = reader.snapshot = undefined;
    }
  } catch (error) {
    closeReader(engine, reader);
    assertOpen(engine);
    throw error;
  }
}

/** Starts a cohort once all its subscriptions are live; what is older is history. */
function startCohort(cohort: Cohort, head: Position): void {
  if (cohort.phase !== "starting") return;
  cohort.phase = "running";
  cohort.cursor = newestSince(cohort.topics, head);
  // The windows hold what has arrived since then.
  cohort.context.flusher.add(cohort);
}

function newestSince(topics: readonly Topic[], position: Position): Position {
  return topics.reduce((newest, { since }) => later(newest, since), position);
}

type Started = Omit<OpenedReader, "reader">;

/** A reader that asks for more than `maxBytes` receives a gap and the newest messages that fit. */
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
  reader.pendingGap ??= {
    channels: replayed(engine, reader.cohort).map(nameOf),
    reason: "evicted",
  };
  startFromKept(reader, from);
  reader.snapshot = snapshot;
  // The messages left out were not counted.
  reader.ordinal = undefined;
  if (started.resumed) {
    const { counters } = reader.cohort.context;
    counters.resumed--;
    counters.resumedWithGap++;
  }
  // The cursor it asked for, not the one after the gap: if the stream is cut in between, the client must
  // receive the gap again.
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

  const oldest = await hydrate(engine, replayed(engine, reader.cohort));
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
  const { counters } = reader.cohort.context;
  const cursor = parseCursor(text);
  const reason = cursor ? await checkCursor(engine, cursor) : "unknown";
  if (!cursor || reason) {
    counters.resumedWithGap++;
    await startWithGap(engine, reader, reason ?? "unknown", now);
    // The refused cursor, not a valid one: if the stream is cut before the gap, the client must receive the
    // gap again.
    return {
      cursor: cursor ? formatCursor(cursor, cursor.epoch) : UNKNOWN_CURSOR,
      resumed: false,
    };
  }
  const { topics } = reader.cohort;
  const wanted = replayed(engine, reader.cohort);
  const isShort = (topic: Topic): boolean => topic.log.horizon > cursor.seq;
  const short = wanted.filter(isShort);
  if (short.length > 0) await hydrate(engine, short);
  else await untilOwnTurn(topics);
  if (wanted !== topics) {
    reader.knownEvictions = topics.map(({ name, log }) =>
      isReserved(name) ? log.evictions : undefined,
    );
  }
  const resumed = !hasLost(topics, cursor.seq, reader.knownEvictions);
  counters[resumed ? "resumed" : "resumedWithGap"]++;
  return { ...startAt(engine, reader, cursor), resumed };
}

/** The reason for a gap, if a well-formed cursor cannot be resumed from. */
async function checkCursor(engine: Engine, cursor: Cursor): Promise<Gap["reason"] | undefined> {
  let head = provenHead(engine);
  // Another process may have received messages, or seen a restart of the log, before this one. Ask the
  // log itself: otherwise a cursor of the new log would be taken for one of the old.
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
  const wanted = replayed(engine, reader.cohort);
  const oldest = await hydrate(engine, wanted);
  reader.pendingGap = { channels: wanted.map(nameOf), reason };
  // Nothing is kept after a cursor that is ahead of the log. Any other one counts as older than all that
  // is kept.
  startFromKept(reader, reason === "ahead" ? now : oldest);
}

/**
 * The topics whose history a reader wants. Streams have reserved channels for what happens from now on
 * only: they receive the present set when they open, so older events are no loss.
 */
function replayed(engine: Engine, { topics, context }: Cohort): readonly Topic[] {
  if (context !== engine.remote) return topics;
  return topics.some(({ name }) => isReserved(name))
    ? topics.filter(({ name }) => !isReserved(name))
    : topics;
}

const nameOf = ({ name }: Topic): string => name;

/** Starts a reader that asked for what is kept, or receives a gap: older losses are not reported again. */
export function startFromKept(reader: Reader, { seq, time }: Position): void {
  const { cohort } = reader;
  reader.cursor = { seq, time };
  reader.ordinal = ordinalIn(cohort, seq);
  reader.snapshot = undefined;
  reader.knownEvictions = cohort.topics.map(({ log }) => log.evictions);
}

/**
 * Readers of much history start one per turn of the event loop. Many can wait for the same history, and
 * would otherwise all start in the turn that completes it.
 */
async function untilOwnTurn(topics: readonly Topic[]): Promise<void> {
  let messages = 0;
  for (const { log } of topics) messages += log.messages.length - log.first;
  if (messages > MANY_MESSAGES) await nextTurn();
}

function startAt(engine: Engine, reader: Reader, { seq, time }: Position): Started {
  reader.cursor = { seq, time };
  reader.ordinal = ordinalIn(reader.cohort, seq);
  return { cursor: formatCursor({ seq, time }, provenHead(engine).epoch), resumed: false };
}

/** Completes the topics' windows. @returns the position before everything that is kept of them */
export async function hydrate(engine: Engine, topics: readonly Topic[]): Promise<Position> {
  await Promise.all(topics.map((topic) => hydrateTopic(topic, engine.backend)));
  await untilOwnTurn(topics);
  let oldest: Position | undefined;
  for (const { log } of topics) {
    const start = startOfKept(log);
    if (!oldest || start.seq < oldest.seq) oldest = start;
  }
  return oldest ?? provenHead(engine);
}
