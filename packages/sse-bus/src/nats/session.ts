import type {
  BackendHost,
  Feed,
  History,
  NewMessage,
  Outcome,
  Stored,
  TopicSubscription,
} from "../core/backend.ts";
import { limitConcurrency } from "../backend-shared/limit-concurrency.ts";
import type { Cursor, Position } from "../core/position.ts";
import { createServerClock } from "../core/server-clock.ts";
import { withTimeout } from "../core/timers.ts";
import { createAgeMarkers } from "./age-markers.ts";
import { createCatchUp } from "./catch-up.ts";
import { createServerConnection } from "./connection.ts";
import type { Delivery } from "./delivery.ts";
import { epochOf } from "./epoch.ts";
import { closedError, unavailableError } from "./errors.ts";
import { readTopicHistory } from "./history.ts";
import { createIdentify, headOf } from "./identify-log.ts";
import { createJetStream } from "./jetstream.ts";
import { loadHeaders } from "./load-headers.ts";
import { createLogFollower } from "./log-follower.ts";
import { createLogStream } from "./log-stream.ts";
import { detectLosses } from "./loss-detection.ts";
import type { ResolvedNatsOptions } from "./options.ts";
import { type OrderedConsumer, startOrderedConsumer } from "./ordered-consumer.ts";
import { createPublisher } from "./publisher.ts";
import { createReconnector } from "./reconnector.ts";
import { limitsFor } from "./retention.ts";
import { shareCalls } from "../core/share-calls.ts";
import { createSubjects } from "./subjects.ts";

/** An open backend. */
export interface NatsSession {
  publish(message: NewMessage): Promise<Stored>;
  publishMany(messages: readonly NewMessage[]): Promise<readonly Outcome[]>;
  subscribe(topic: string, feed: Feed): Promise<TopicSubscription>;
  read(topic: string): Promise<History>;
  /** The head of the log. */
  readHead(): Promise<Cursor>;
  /** The newest position that is delivered. */
  head(): Cursor;
  now(): number;
  close(): Promise<void>;
}

/** How long the consumer may take to reach a head that was read from the log. */
const CATCH_UP_MS = 1000;
const MAX_READS = 16;
const CLOSE_MS = 1000;

const decoder = new TextDecoder();

/** @throws SseBusError `BACKEND_UNAVAILABLE`, `INVALID_OPTION` */
export async function openNatsSession(
  options: ResolvedNatsOptions,
  host: BackendHost,
): Promise<NatsSession> {
  const { requestTimeoutMs: timeoutMs, heartbeatMs, inboxPrefix } = options;
  const createHeaders = await loadHeaders();
  const subjects = createSubjects(options.stream);
  /** The log exists, and is the one that the follower's head belongs to. */
  let isUsable = false;
  let isOpened = false;
  let isClosed = false;
  let consumer: OrderedConsumer | undefined;
  let catchUp = createCatchUp(0);
  /** The follower holds deliveries until it knows what is lost. */
  let isOnHold = false;

  const onError = (error: Error): void => {
    if (!isClosed) host.onError(error);
  };
  const connection = createServerConnection({
    connection: options.connection,
    requestTimeoutMs: timeoutMs,
    onDown(error) {
      isUsable = false;
      if (isOpened) reconnector.lose(error);
    },
    onUp: () => reconnector.retryNow(),
  });
  const js = createJetStream(connection, { ...options, createHeaders });
  const limits = limitsFor(host.history(""));
  const stream = createLogStream(js, { options, subjects, limits, onError });
  const streamInfo = shareCalls(stream.info);
  const ageMarkers = createAgeMarkers(js, { subjects, isUsable: () => isUsable, onError });
  const limitReads = limitConcurrency(MAX_READS);
  const clock = createServerClock();
  const follower = createLogFollower({
    subjects,
    onError,
    detectLosses: async (after, before) =>
      detectLosses(js, { subjects, after, before, isWanted: follower.isWanted }),
    onHold(isHeld) {
      isOnHold = isHeld;
      if (isHeld) consumer?.pause();
      else consumer?.resume();
    },
    onDelivered,
  });
  const reconnector = createReconnector({
    attach,
    isBroken,
    isHopeless: () => connection.isGone,
    onError,
    onStatus: host.onStatus,
  });
  const publisher = createPublisher({
    js,
    stream,
    subjects,
    follower,
    reconnector,
    host,
    timeoutMs,
    streamInfo,
  });
  const identify = createIdentify({
    js,
    stream,
    follower,
    onRestart() {
      isUsable = true;
      host.onRestart();
    },
  });

  function onDelivered({ subject, data, seq, time, pending }: Delivery): void {
    clock.atLeast(time);
    const isNewEpoch =
      isOpened && subject === subjects.epoch && decoder.decode(data) !== follower.head.epoch;
    if (isNewEpoch) reconnector.start();
    if (pending === 0 || seq >= catchUp.seq) catchUp.resolve();
  }

  function isBroken(): boolean {
    return consumer?.isBroken !== false || !connection.isUp;
  }

  /** Finds the log, starts at its head if it is a different one, and follows it. */
  async function attach(): Promise<void> {
    void consumer?.close();
    consumer = undefined;
    follower.interrupt();
    isOnHold = false;
    await connection.ready();
    try {
      const info = await identify();
      isUsable = true;
      const { seq, time } = follower.head;
      const first = info.state.first_seq;
      if (first > seq + 1) follower.skip({ seq: first - 1, time });
      await follow(info.state.last_seq);
      ageMarkers.start(info.config.max_age / 1_000_000);
    } catch (error) {
      isUsable = false;
      throw error;
    }
  }

  /** Resolves when the consumer has delivered everything up to `lastSeq`. */
  async function follow(lastSeq: number): Promise<void> {
    const mine = createCatchUp(lastSeq);
    catchUp = mine;
    const started = await startOrderedConsumer(
      { connection, js },
      {
        startSeq: follower.head.seq + 1,
        heartbeatMs,
        inboxPrefix,
        onDelivery: (delivery) => follower.accept(delivery),
        onIdle() {
          if (!isOnHold) mine.resolve();
        },
        onBroken(error, isSilent) {
          mine.reject(error);
          if (isSilent) isUsable = false;
          if (!isOpened) return;
          if (isSilent) reconnector.lose(error);
          else reconnector.start();
        },
      },
    );
    consumer = started;
    clock.sample(started.startedMs);
    if (isOnHold) started.pause();
    if (started.pendingAtStart > 0 && follower.head.seq < lastSeq) {
      await connection.guard(mine.promise);
    }
  }

  function assertUsable(): void {
    if (isClosed) throw closedError();
    if (!isUsable) throw unavailableError("The NATS server is unreachable.");
  }

  /** The current head of the log, after a check that it is still the same log. */
  async function checkedHead(): Promise<Position> {
    const info = await streamInfo();
    if (epochOf(info) === follower.head.epoch) return headOf(info);
    reconnector.start();
    if (await reconnector.settled(timeoutMs)) return follower.head;
    throw unavailableError("The log restarted.");
  }

  /** Waits until the follower has delivered what the log contains now. */
  async function deliverAll(): Promise<void> {
    const { seq } = await checkedHead();
    await follower.waitFor(seq, CATCH_UP_MS);
  }

  async function close(): Promise<void> {
    isClosed = true;
    isUsable = false;
    reconnector.close();
    ageMarkers.stop();
    follower.close();
    if (consumer) {
      const timeout = (): Error => new Error("Timeout");
      await withTimeout(consumer.close(), CLOSE_MS, timeout).catch(() => {});
    }
    await connection.close();
  }

  try {
    await attach();
  } catch (error) {
    await close();
    throw error;
  }
  isOpened = true;
  if (!connection.isUp) reconnector.lose(unavailableError("The connection to NATS was lost."));
  else if (isBroken()) reconnector.start();

  return {
    async publish(message) {
      assertUsable();
      return publisher.publish(message);
    },
    async publishMany(messages) {
      assertUsable();
      return publisher.publishMany(messages);
    },
    async subscribe(topic, feed) {
      // Messages published before the call are history, also those that are not delivered yet.
      if (isUsable) await deliverAll().catch(() => {});
      if (isClosed) throw closedError();
      return { cursor: follower.head, close: follower.add(topic, feed) };
    },
    async read(topic) {
      assertUsable();
      return limitReads(async () => {
        await checkedHead();
        const { epoch } = follower.head;
        return readTopicHistory(
          { connection, js, subjects, host, inboxPrefix, timeoutMs, epoch, streamInfo },
          topic,
        );
      });
    },
    async readHead() {
      assertUsable();
      const { seq, time } = await checkedHead();
      const { epoch } = follower.head;
      // A position must have the same time everywhere, so take the time of the delivered message.
      return (await follower.waitFor(seq, CATCH_UP_MS)) ? follower.head : { seq, time, epoch };
    },
    head: () => follower.head,
    now: clock.now,
    close,
  };
}
