import { createBackoff } from "../backend-shared/backoff.ts";
import type { BackendHost, Feed, TopicSubscription } from "../core/backend.ts";
import type { LogMessage } from "../core/message.ts";
import type { Cursor } from "../core/position.ts";
import { createStoredMessage } from "../core/stored-message.ts";
import { startTimeout } from "../core/timers.ts";
import { closedError, toBackendError } from "./errors.ts";
import { createHeadWaiters } from "./head-waiters.ts";
import type { LogFunctions } from "./log-functions.ts";
import type { LogPage, PageMessage } from "./page.ts";
import { createTopicRegistry } from "./topic-registry.ts";

/**
 * Follows the log: reads the next page after its head, again and again, and delivers each message to
 * the feeds. Notifications and polls only start the next read, so losing one does no harm.
 */
export interface PostgresLogFollower {
  /** Reads for the first time. */
  start(): Promise<void>;
  /** There may be new messages: reads as soon as possible. */
  wake(): void;
  /** A notification said that the log has reached `seq`. */
  announced(seq: number): void;
  /** The newest position that is delivered. */
  head(): Cursor;
  subscribe(topic: string, feed: Feed): Promise<TopicSubscription>;
  /** Resolves when everything that the log contains now is delivered. */
  catchUp(): Promise<Cursor>;
  close(): Promise<void>;
}

export interface PostgresLogFollowerOptions {
  readonly log: LogFunctions;
  readonly host: BackendHost;
  /** How long to wait for a notification before the next read, in ms. */
  readonly pollMs: () => number;
  /** Committed messages wait for a position. */
  readonly onPending: () => void;
  /** A poll found messages that no notification had announced. */
  readonly onUnannounced: () => void;
}

export function createLogFollower(options: PostgresLogFollowerOptions): PostgresLogFollower {
  const { log, host, pollMs, onPending, onUnannounced } = options;
  const topics = createTopicRegistry();
  const backoff = createBackoff({ minMs: 50, maxMs: 2000 });
  const waiters = createHeadWaiters();
  let head: Cursor = { seq: 0, time: 0, epoch: "0" };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reading: Promise<void> | undefined;
  let needsRead = false;
  let isPoll = false;
  let isDown = false;
  let isClosed = false;

  function wake(): void {
    needsRead = true;
    if (reading || isClosed) return;
    clearTimeout(timer);
    reading = readAll();
  }

  /** Reads until nothing new is known, and then schedules the next poll. */
  async function readAll(): Promise<void> {
    let delayMs = 0;
    while (needsRead) {
      needsRead = false;
      try {
        if (isDown) await log.assertWritable();
        await readPage();
        delayMs = pollMs();
      } catch (error) {
        if (!isClosed) reportDown(error);
        delayMs = backoff.nextMs();
        break;
      }
      if (isClosed) return;
    }
    // In the same turn as the last check of `needsRead`, so that no wake() is lost.
    reading = undefined;
    if (isClosed) return;
    timer = startTimeout(() => {
      isPoll = !isDown;
      wake();
    }, delayMs);
  }

  async function readPage(): Promise<void> {
    waiters.readStarted();
    const wasPoll = isPoll;
    isPoll = false;
    const page = await log.page(head.seq, topics.filter(), false);
    if (isClosed) return;
    if (page.epoch !== head.epoch) {
      restart(page);
    } else if (page.head.seq < head.seq) {
      // The log has lost its newest messages: positions of this epoch may be assigned a second time.
      await log.restart(head);
      needsRead = true;
      return;
    } else {
      await deliver(page);
    }
    if (isClosed) return;
    if (page.isPending) onPending();
    if (wasPoll && page.messages.length > 0) onUnannounced();
    if (!page.isWhole) needsRead = true;
    else reportUp();
    waiters.readEnded(page.head.seq, head);
  }

  async function deliver(given: LogPage): Promise<void> {
    let page = given;
    if (page.dropped > head.seq && !topics.filter().isEmpty) {
      // Retention has deleted messages that this process has not read: read the losses, too.
      page = await log.page(head.seq, topics.filter(), true);
      if (isClosed) return;
      if (page.epoch !== head.epoch) return restart(page);
      topics.lose(page.horizons, page.floor > head.seq ? page.floor : 0);
    }
    for (const message of page.messages) deliverMessage(message);
    if (page.isWhole && page.head.seq > head.seq) head = { ...page.head, epoch: page.epoch };
  }

  function deliverMessage(row: PageMessage): void {
    // Moved first, because a feed may ask for the head.
    head = { seq: row.seq, time: row.time, epoch: head.epoch };
    const { epoch } = head;
    let message: LogMessage | false | undefined;
    topics.visit(row.channel, (feed) => {
      message ??= createStoredMessage(row, row, { epoch, onError: host.onError }) ?? false;
      if (message) feed.message(message);
    });
  }

  function restart({ epoch, head: newHead }: LogPage): void {
    const isFirst = head.epoch === "0";
    head = { ...newHead, epoch };
    if (!isFirst) host.onRestart();
  }

  function reportUp(): void {
    backoff.reset();
    if (!isDown) return;
    isDown = false;
    host.onStatus("up");
  }

  function reportDown(error: unknown): void {
    const failure = toBackendError(error, "read the log");
    waiters.rejectAll(failure);
    if (isDown) return;
    isDown = true;
    host.onStatus("down");
    host.onError(failure);
  }

  /** Calls `then` in the turn in which the head is known, so that nothing is delivered in between. */
  function atHead<T>(then: (head: Cursor) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (isClosed) return reject(closedError());
      waiters.add((at) => resolve(then(at)), reject);
      wake();
    });
  }

  return {
    start: () => atHead(() => {}),
    wake,
    announced(seq) {
      if (seq > head.seq || seq === 0) wake();
    },
    head: () => head,
    subscribe: (topic, feed) => atHead((cursor) => ({ cursor, close: topics.add(topic, feed) })),
    catchUp: () => atHead((cursor) => cursor),
    async close() {
      isClosed = true;
      clearTimeout(timer);
      waiters.rejectAll(closedError());
      await reading;
    },
  };
}
