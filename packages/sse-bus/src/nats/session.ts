import type {
  BackendHost,
  Feed,
  History,
  NewMessage,
  Stored,
  TopicSubscription,
} from "../core/backend.ts";
import type { Cursor, Position } from "../core/position.ts";
import { createServerClock } from "../core/server-clock.ts";
import { createCatchUp } from "./catch-up.ts";
import { epochOf } from "./epoch.ts";
import { createFences } from "./fences.ts";
import { createFollower } from "./follower.ts";
import { explainHole } from "./hole.ts";
import { createIdentify, headOf } from "./identify-log.ts";
import { createJetStream } from "./jetstream.ts";
import { createLink } from "./link.ts";
import { loadHeaders } from "./load-headers.ts";
import type { NatsSettings } from "./nats-options.ts";
import { type OrderedConsumer, startOrderedConsumer } from "./ordered-consumer.ts";
import { createPublisher } from "./publisher.ts";
import { readTopic } from "./read-topic.ts";
import { createRecovery } from "./recovery.ts";
import { createLimiter, shareCalls } from "./share-calls.ts";
import { createLogStream } from "./stream.ts";
import { limitsFor } from "./stream-limits.ts";
import { createSubjects } from "./subjects.ts";
import { closedError, unavailable } from "./unavailable.ts";
import { startTimeout } from "../core/timers.ts";

/** The backend between its opening and its closing. */
export interface Session {
  publish(entry: NewMessage): Promise<Stored>;
  subscribe(topic: string, feed: Feed): Promise<TopicSubscription>;
  read(topic: string): Promise<History>;
  cursor(): Promise<Cursor>;
  reached(): Cursor;
  now(): number;
  close(): Promise<void>;
}

/** How long the consumer may take to come to a head that the log has told of. */
const CATCH_UP_MS = 1000;
const MAX_READS = 16;
const CLOSE_MS = 1000;

const decoder = new TextDecoder();

/** @throws SseBusError `BACKEND_UNAVAILABLE`, `INVALID_OPTION` */
export async function openSession(settings: NatsSettings, host: BackendHost): Promise<Session> {
  const { requestTimeoutMs: timeoutMs, heartbeatMs, inboxPrefix } = settings;
  const createHeaders = await loadHeaders();
  const subjects = createSubjects(settings.stream);
  /** The log is there and known to be the one that `reached` is of. */
  let isUsable = false;
  let isOpened = false;
  let isClosed = false;
  let consumer: OrderedConsumer | undefined;
  let catchUp = createCatchUp(0);
  let isHeld = false;

  const onError = (error: Error): void => {
    if (!isClosed) host.onError(error);
  };
  const link = createLink({
    connection: settings.connection,
    requestTimeoutMs: timeoutMs,
    onDown(error) {
      isUsable = false;
      if (isOpened) recovery.lose(error);
    },
    onUp: () => recovery.hurry(),
  });
  const js = createJetStream(link, { ...settings, createHeaders });
  const limits = limitsFor(host.history(""));
  const stream = createLogStream(js, { settings, subjects, limits, onError });
  const head = shareCalls(stream.info);
  const fences = createFences(js, { subjects, isUsable: () => isUsable, onError });
  const limitReads = createLimiter(MAX_READS);
  const clock = createServerClock();
  const follower = createFollower({
    subjects,
    onError,
    explain: async (after, before) =>
      explainHole(js, { subjects, after, before, isWanted: follower.isWanted }),
    onHold(held) {
      isHeld = held;
      if (held) consumer?.pause();
      else consumer?.resume();
    },
    onHanded({ subject, data, seq, time, pending }) {
      clock.atLeast(time);
      const isNews = subject === subjects.epoch && isOpened;
      if (isNews && decoder.decode(data) !== follower.reached.epoch) recovery.start();
      if (pending === 0 || seq >= catchUp.seq) catchUp.resolve();
    },
  });
  const recovery = createRecovery({
    attach,
    isBroken,
    isHopeless: () => link.isGone,
    onError,
    onStatus: host.onStatus,
  });
  const publishEntry = createPublisher({
    js,
    stream,
    subjects,
    follower,
    recovery,
    host,
    timeoutMs,
    head,
  });

  function isBroken(): boolean {
    return consumer?.isBroken !== false || !link.isUp;
  }

  const identify = createIdentify({
    js,
    stream,
    follower,
    onRestart() {
      isUsable = true;
      host.onRestart();
    },
  });

  /** Finds the log, begins anew if it is another one, and follows it from where we are. */
  async function attach(): Promise<void> {
    void consumer?.close();
    consumer = undefined;
    follower.interrupt();
    isHeld = false;
    await link.ready();
    try {
      const info = await identify();
      isUsable = true;
      const { reached } = follower;
      const first = info.state.first_seq;
      if (first > reached.seq + 1) follower.skip({ seq: first - 1, time: reached.time });
      await follow(info.state.last_seq);
      fences.start(info.config.max_age / 1_000_000);
    } catch (error) {
      isUsable = false;
      throw error;
    }
  }

  async function follow(lastSeq: number): Promise<void> {
    const mine = createCatchUp(lastSeq);
    catchUp = mine;
    const started = await startOrderedConsumer(
      { link, js },
      {
        startSeq: follower.reached.seq + 1,
        heartbeatMs,
        inboxPrefix,
        onDelivery: (delivery) => follower.accept(delivery),
        onIdle() {
          if (!isHeld) mine.resolve();
        },
        onBroken(error, isSilent) {
          mine.reject(error);
          if (isSilent) isUsable = false;
          if (!isOpened) return;
          if (isSilent) recovery.lose(error);
          else recovery.start();
        },
      },
    );
    consumer = started;
    clock.sample(started.startedMs);
    if (isHeld) started.pause();
    if (started.pendingAtStart > 0 && follower.reached.seq < lastSeq) {
      await link.guard(mine.promise);
    }
  }

  function assertUsable(): void {
    if (isClosed) throw closedError();
    if (!isUsable) throw unavailable("The NATS server is away.");
  }

  /** The head that the log has now, once it is known to be this log. */
  async function checkedHead(): Promise<Position> {
    const info = await head();
    if (epochOf(info) === follower.reached.epoch) return headOf(info);
    recovery.start();
    if (await recovery.settled(timeoutMs)) return follower.reached;
    throw unavailable("The log began anew.");
  }

  async function close(): Promise<void> {
    isClosed = true;
    isUsable = false;
    recovery.close();
    fences.stop();
    follower.close();
    if (consumer) await atMost(CLOSE_MS, consumer.close());
    await link.close();
  }

  try {
    await attach();
  } catch (error) {
    await close();
    throw error;
  }
  isOpened = true;
  if (!link.isUp) recovery.lose(unavailable("The connection to NATS was lost."));
  else if (isBroken()) recovery.start();

  return {
    async publish(entry) {
      assertUsable();
      return publishEntry(entry);
    },
    async subscribe(topic, feed) {
      if (isUsable) {
        // What was published before counts as history, even if it has not come here yet.
        const settled = checkedHead().then(async ({ seq }) =>
          follower.whenReached(seq, CATCH_UP_MS),
        );
        await settled.catch(() => {});
      }
      if (isClosed) throw closedError();
      return { cursor: follower.reached, close: follower.add(topic, feed) };
    },
    async read(topic) {
      assertUsable();
      return limitReads(async () => {
        await checkedHead();
        const { epoch } = follower.reached;
        return readTopic(
          { link, js, subjects, host, inboxPrefix, timeoutMs, epoch, info: head },
          topic,
        );
      });
    },
    async cursor() {
      assertUsable();
      const { seq, time } = await checkedHead();
      const { epoch } = follower.reached;
      // Positions of a time are one and the same text everywhere: take it from the message itself.
      return (await follower.whenReached(seq, CATCH_UP_MS))
        ? follower.reached
        : { seq, time, epoch };
    },
    reached: () => follower.reached,
    now: clock.now,
    close,
  };
}

async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => (timer = startTimeout(resolve, ms)));
  await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
